internal import Glibc

/// What a colour means. Text says the same without: colours only make it be found sooner.
enum Style: String {
    /// As it should be.
    case good = "32"
    /// Damaged, failed, wrong.
    case bad = "1;31"
    /// Worth a look.
    case notable = "33"
    /// The head of a table.
    case heading = "1"
    /// There for machines and for copying.
    case faint = "2"

    /// The text in this style where standard output shows styles.
    func applied(to text: String) -> String { Style.isOnOutput ? escaped(text) : text }

    /// The text in this style where standard error shows styles.
    func appliedOnError(to text: String) -> String { Style.isOnError ? escaped(text) : text }

    private func escaped(_ text: String) -> String {
        text.isEmpty ? text : "\u{1B}[\(rawValue)m\(text)\u{1B}[0m"
    }

    private static let isOnOutput = isShown(on: STDOUT_FILENO)
    private static let isOnError = isShown(on: STDERR_FILENO)

    /// By the conventions of no-color.org and of CLICOLOR_FORCE.
    private static func isShown(on descriptor: Int32) -> Bool {
        if GlobalOptions.environment("NO_COLOR") != nil { return false }
        if let force = GlobalOptions.environment("CLICOLOR_FORCE"), force != "0" { return true }
        return isatty(descriptor) == 1 && GlobalOptions.environment("TERM") != "dumb"
    }
}
