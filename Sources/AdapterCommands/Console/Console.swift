internal import ByteCoding

/// Prints a command's answer in the form that was asked for.
struct Console {
    let options: GlobalOptions
    private(set) var isJSON: Bool

    init(options: GlobalOptions) {
        self.options = options
        isJSON = options.json
    }

    /// The same, printing JSON whatever the options say.
    var asJSON: Console {
        var console = self
        console.isJSON = true
        return console
    }

    /// Text from outside without control characters.
    static func printable(_ text: String) -> String { Format.printable(text) }

    /// Prints an answer: identifiers with `--quiet`, a JSON document with `--json`, else text.
    ///
    /// - Parameter isProse: whether lines of the text may be broken.
    func answer(
        _ document: MetadataValue, identifiers: [String], text: @autoclosure () -> String, isProse: Bool = true
    ) throws {
        if isJSON {
            try StandardOutput.write(JSON.text(document, indented: true) + "\n")
        } else if options.quiet {
            for identifier in identifiers { try StandardOutput.write(identifier + "\n") }
        } else {
            let text = isProse ? Wrapping.wrapped(text(), width: StandardOutput.width) : text()
            try StandardOutput.write(text.isEmpty || text.hasSuffix("\n") ? text : text + "\n")
        }
    }

    /// Says something on standard error that the user should know although the command succeeds.
    func warn(_ text: String) {
        StandardError.say("adapterctl: \(Style.notable.appliedOnError(to: "warning:")) \(text)")
    }

    /// Tells how far long work has come, where somebody watches.
    func progress(_ verb: String, totalByteCount: Int = 0) -> Progress {
        Progress(verb, totalByteCount: totalByteCount, mode: progressMode)
    }

    /// How progress is told.
    var progressMode: Progress.Mode {
        options.noProgress || options.quiet || options.json ? .hidden : StandardError.canMoveCursor ? .live : .lines
    }
}
