public import ByteCoding

/// What a command printed with `--json`.
public struct JSONOutput: Sendable {
    /// The command's words, joined by a dash as its schema is called: `key-list`.
    public let command: String
    /// One document, or one a line.
    public let documents: [MetadataValue]

    /// Nil when JSON was not asked for, or when the command failed before it printed.
    ///
    /// - Throws: `ByteCodingError` when it is no JSON.
    public init?(_ arguments: [String], status: Int32, output: String) throws {
        let isAsked =
            arguments.contains("--json")
            || zip(arguments, arguments.dropFirst()).contains { $0 == ("--format", "json") }
        var words = arguments.filter { $0 != "--json" }
        while let first = words.first, first.hasPrefix("-") {
            words = Array(words.dropFirst(first == "--registry" ? 2 : 1))
        }
        guard isAsked, [0, 2].contains(status), !output.isEmpty, !words.isEmpty,
            !arguments.contains("--help")
        else { return nil }
        command = words.prefix(["key", "document"].contains(words[0]) ? 2 : 1).joined(separator: "-")
        if let document = try? JSON.parse(Array(output.utf8)) {
            documents = [document]
        } else {
            documents = try output.split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
        }
    }

    /// Compares it with its schema.
    ///
    /// - Throws: ``JSONSchema/Fault`` for the first thing that does not fit.
    public func check() throws {
        let schema = try JSONSchema(named: command)
        for document in documents {
            if let fault = schema.faults(in: document).first {
                throw JSONSchema.Fault(path: "\(command) --json \(fault.path)", reason: fault.reason)
            }
        }
    }
}
