internal import AdapterRegistry
internal import Charts

/// Numbers as people read them.
enum Format {
    /// `1.4 MB`, in powers of 1000.
    static func bytes(_ count: Int) -> String { Numeral.bytes(count) }

    /// `13.6 M`, in powers of 1000.
    static func count(_ count: Int) -> String { Numeral.count(count) }

    /// A number with that many places after the point.
    static func decimal(_ value: Double, places: Int) -> String { Numeral.decimal(value, places: places) }

    /// Three significant digits with an exponent, `1.53e-7`; 0 is `0`.
    static func scientific(_ value: Double) -> String { Numeral.scientific(value) }

    /// Whole numbers without a point, others as they are: `8`, `5.5`.
    static func number(_ value: Double) -> String { Numeral.plain(value) }

    /// `4`, `4…16` for several different ones, `–` for none.
    static func range<Value>(_ values: ClosedRange<Value>?, _ format: (Value) -> String) -> String {
        Numeral.range(values, format)
    }

    /// `3 d`, `2 h`, `5 min`, `12 s`.
    static func age(seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(max(0, seconds)) s"
        case ..<3600: "\(seconds / 60) min"
        case ..<86_400: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }

    /// A moment in UTC without the parts of a second: `2025-01-31 23:59:59`.
    static func time(_ time: Timestamp) -> String {
        String(time.description.prefix(19)).replacing("T", with: " ")
    }

    /// The beginning of a text that would not fit into a table.
    static func shortened(_ text: String) -> String { text.count > 80 ? text.prefix(79) + "…" : text }

    /// Text from outside without control characters, so that it cannot steer the terminal.
    static func printable(_ text: String) -> String {
        // Most text is plain ASCII.
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
