/// What may stand where the cursor is.
struct Completion: Equatable {
    /// What the shell adds from the disk.
    enum Paths: String {
        case none, files, directories
    }

    /// A word that may stand there, whole.
    struct Candidate: Equatable {
        let word: String
        /// What it means, where the shell can show that.
        var note = ""
    }

    var candidates: [Candidate] = []
    var paths = Paths.none
    /// Whether more of the word follows, so that no space does.
    var isOpen = false

    /// For the scripts: a line for the shell, then a line a candidate with its note behind a tab.
    var text: String {
        let lines =
            ["\(paths.rawValue) \(isOpen ? "open" : "closed")"]
            + candidates.map { $0.note.isEmpty ? $0.word : "\($0.word)\t\($0.note)" }
        return lines.map { $0 + "\n" }.joined()
    }
}
