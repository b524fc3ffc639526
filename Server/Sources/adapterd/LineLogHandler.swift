import AdapterRegistry
import ByteCoding
import FoundationEssentials
import Glibc
import Logging

/// Writes the log to standard error, an entry a line: JSON for machines, or text.
struct LineLogHandler: LogHandler {
    /// How an entry is written.
    enum Format: String {
        case json
        case text
    }

    let format: Format
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    init(format: Format, logLevel: Logger.Level) {
        self.format = format
        self.logLevel = logLevel
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
        let now = Timestamp.now().description
        let line: String
        switch format {
        case .json:
            var document: [String: MetadataValue] = fields.mapValues { .string($0.description) }
            document["time"] = .string(now)
            document["level"] = .string(event.level.rawValue)
            document["message"] = .string(event.message.description)
            line = JSON.text(.map(document))
        case .text:
            // Escaped like JSON: what clients send must not look like another entry.
            let text = fields.sorted { $0.key < $1.key }
                .map { " \($0.key)=\(Self.quoted($0.value.description))" }.joined()
            line = "\(now) \(event.level.rawValue) \(event.message)\(text)"
        }
        FileHandleOutput.standardError(line + "\n")
    }

    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") }
        return isPlain && !text.isEmpty ? text : JSON.text(.string(text))
    }
}

/// Standard output and standard error, without buffers.
enum FileHandleOutput {
    /// Writes a text to standard error in one call, so that lines of several threads do not mix.
    static func standardError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// Writes a text to standard output.
    static func standardOutput(_ text: String) { write(text, to: STDOUT_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            // There is nobody to tell that nobody listens.
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
