/// Text for SVG and HTML.
package enum Markup {
    /// The text with everything that has a meaning in markup escaped, for contents and for attributes in quotes.
    ///
    /// What XML 1.0 cannot hold, and what would turn the direction of the text around it, becomes U+FFFD: names come from
    /// files, and a picture is read by people.
    package static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\n", "\t": result.unicodeScalars.append(" ")
            case "\u{FFFE}", "\u{FFFF}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                result.unicodeScalars.append("\u{FFFD}")
            default:
                let isControl = scalar.properties.generalCategory == .control
                result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
            }
        }
        return result
    }

    /// The text, cut in its middle to at most `limit` characters: names differ at their ends.
    package static func shortened(_ text: String, to limit: Int) -> String {
        // Not `count` of a text of any length: only whether it is longer.
        guard text.index(text.startIndex, offsetBy: limit + 1, limitedBy: text.endIndex) != nil, limit > 1 else {
            return text
        }
        return text.prefix((limit - 1) / 2) + "…" + text.suffix(limit - 1 - (limit - 1) / 2)
    }

    /// About how wide a text is in the charts' font, in pixels.
    static func width(_ text: String) -> Double {
        text.unicodeScalars.reduce(0) { width, scalar in
            switch scalar.value {
            case 0x300..<0x370: width
            case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
                0x1F300...0x1FAFF, 0x20000...0x3FFFD:
                width + 12.5
            default: width + 6.8
            }
        }
    }
}
