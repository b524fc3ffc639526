extension Page {
    /// Words, some of which lead elsewhere or look different.
    package struct Text: Sendable, ExpressibleByStringInterpolation {
        /// How words look.
        package enum Style: String, Sendable {
            /// As what is around them.
            case plain
            /// Less important.
            case muted
            /// On a line of their own, small and less important.
            case note
            /// As in a terminal.
            case code
            /// In a small box: a state, a kind.
            case mark
            /// In a small box that says that something is as it should be.
            case good
            /// In a small box that warns.
            case bad
        }

        private struct Run {
            var text: String
            var style: Style
            var link: Link?
        }

        private var runs: [Run]

        /// Words.
        package init(_ text: String, _ style: Style = .plain, to link: Link? = nil) {
            runs = text.isEmpty ? [] : [Run(text: text, style: style, link: link)]
        }

        /// Plain words.
        package init(stringLiteral text: String) { self.init(text) }

        /// Several texts, one behind the other.
        package init(_ texts: [Text], separator: String = " ") {
            runs = Array(
                texts.map(\.runs).filter { !$0.isEmpty }
                    .joined(separator: [Run(text: separator, style: .plain, link: nil)]))
        }

        /// Whether there are no words.
        package var isEmpty: Bool { runs.isEmpty }

        /// The text in HTML.
        var html: String {
            runs.map { run in
                let text = Markup.escaped(run.text)
                let words = run.link.map { "<a href=\"\(Markup.escaped($0.address))\">\(text)</a>" } ?? text
                return switch run.style {
                case .plain: words
                case .code: "<code>\(words)</code>"
                case .note: "<small>\(words)</small>"
                case .muted, .mark, .good, .bad: "<span class=\"\(run.style.rawValue)\">\(words)</span>"
                }
            }.joined()
        }
    }
}
