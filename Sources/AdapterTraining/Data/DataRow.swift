internal import ByteCoding
internal import FileSystem
public import Integrity

/// A row of a data file before it is made tokens of.
public enum DataRow: Hashable, Sendable {
    /// Text that is learned whole.
    case text(String)
    /// A question and its answer, joined without anything between them.
    case completion(prompt: String, completion: String)
    /// A conversation.
    case messages([ChatTemplate.Message])
    /// A text without end, to be cut into rows.
    case stream(String)
}

/// The rows of a file and the digest of its bytes.
public struct DataFile: Hashable, Sendable {
    /// The largest file, in bytes.
    public static let maximumByteCount = 1 << 31

    /// The path it was read from.
    public let path: String
    /// The rows, in order.
    public let rows: [DataRow]
    /// SHA-256 of the file.
    public let digest: Digest

    /// Reads a file: JSON lines (`.jsonl`, `.json`) with `text`, with `prompt` and `completion`, or with `messages`; any
    /// other file is plain text.
    ///
    /// - Throws: ``TrainingError`` with code `invalidData`, which names the line, or `emptyData`; `FileSystemError` when
    ///   the file cannot be read.
    public init(opening path: String) throws {
        let bytes = try InputFile.contents(of: path, limit: DataFile.maximumByteCount)
        self.path = path
        digest = SHA256.hash(bytes)
        if path.hasSuffix(".jsonl") || path.hasSuffix(".json") {
            var rows: [DataRow] = []
            for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
                guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
                do {
                    rows.append(try DataFile.row(JSON.parse(Array(line))))
                } catch {
                    let reason = (error as? TrainingError)?.message ?? "\(error)"
                    throw TrainingError(.invalidData, "Unable to read '\(path)': line \(index + 1): \(reason)")
                }
            }
            self.rows = rows
        } else {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw TrainingError(.invalidData, "Unable to read '\(path)': it is not text in UTF-8.")
            }
            rows = text.isEmpty ? [] : [.stream(text)]
        }
        guard !rows.isEmpty else {
            throw TrainingError(.emptyData, "Unable to learn from '\(path)': it holds no rows.")
        }
    }

    private static func row(_ value: MetadataValue) throws -> DataRow {
        if let messages = value["messages"] {
            guard let turns = messages.array, !turns.isEmpty else {
                throw TrainingError(.invalidData, "'messages' is not a list of turns.")
            }
            return .messages(
                try turns.map { turn in
                    guard let role = turn["role"]?.string, let content = turn["content"]?.string else {
                        throw TrainingError(.invalidData, "A turn has no text 'role' or 'content'.")
                    }
                    guard ["system", "user", "assistant"].contains(role) else {
                        throw TrainingError(
                            .invalidData, "A turn has the role '\(role)'; system, user and assistant are supported.")
                    }
                    return ChatTemplate.Message(role: role, content: content)
                })
        }
        if let prompt = value["prompt"]?.string, let completion = value["completion"]?.string {
            return .completion(prompt: prompt, completion: completion)
        }
        if let text = value["text"]?.string { return .text(text) }
        throw TrainingError(.invalidData, "It has neither 'text', nor 'prompt' and 'completion', nor 'messages'.")
    }
}
