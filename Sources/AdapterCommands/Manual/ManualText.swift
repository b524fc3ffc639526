/// Text in the language of man(7), in ASCII, in which nothing that is said can be a request.
struct ManualText {
    private(set) var text = ""

    /// The title of a page in section 1.
    mutating func title(_ title: String, date: String, source: String, manual: String) {
        // A date with escaped hyphens is none.
        text += ".TH \"\(title)\" \"1\" \"\(date)\" \"\(source)\" \"\(manual)\"\n"
    }

    private mutating func request(_ name: String, _ arguments: [String] = []) {
        text += "." + name + arguments.map { " \"\(ManualText.escaped($0))\"" }.joined() + "\n"
    }

    mutating func heading(_ title: String) { request("SH", [title]) }
    mutating func subheading(_ title: String) { request("SS", [title]) }
    mutating func paragraph() { request("PP") }

    mutating func line(_ text: String) {
        let escaped = ManualText.escaped(text)
        // A line that begins so would be a request.
        self.text += (escaped.hasPrefix(".") ? "\\&" : "") + escaped + "\n"
    }

    mutating func bold(_ text: String) { request("B", [text]) }

    /// A word and what it means, in lines that stand indented below.
    mutating func term(_ term: String, _ meaning: String...) {
        request("TP")
        bold(term)
        for (index, text) in meaning.filter({ !$0.isEmpty }).flatMap({ $0.split(separator: "\n") }).enumerated() {
            if index > 0 { request("br") }
            line(String(text))
        }
    }

    /// Lines as they stand.
    mutating func literal(_ lines: [String]) {
        request("RS", ["4"])
        request("nf")
        for literal in lines { line(literal) }
        request("fi")
        request("RE")
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\e"
            // As it is typed, not the hyphen that ends lines.
            case "-": "\\-"
            case "'": "\\(aq"
            case "`": "\\(ga"
            case "^": "\\(ha"
            case "~": "\\(ti"
            case "\"": "\\(dq"
            case "\n": " "
            default:
                scalar.isASCII
                    ? String(scalar)
                    : "\\[u\(String(repeating: "0", count: max(0, 4 - String(scalar.value, radix: 16).count)))"
                        + "\(String(scalar.value, radix: 16, uppercase: true))]"
            }
        }.joined()
    }
}
