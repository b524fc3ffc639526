internal import ByteCoding
internal import FileSystem

/// Remembers where an unfinished upload goes on, for a process that is started after this one was ended.
///
/// The address is the registry's own and may hold a secret of its, so the file is its owner's only.
public struct UploadNote: Sendable {
    private static let maximumByteCount = 64 << 10

    /// The file.
    public let path: String
    /// What is uploaded where; a note about something else is not used.
    let purpose: String

    /// A note in a folder.
    public init(in folder: String, host: RegistryHost, repository: String, digest: ContentDigest) {
        purpose = "\(host)/\(repository)@\(digest)"
        path = "\(folder)/upload-\(ContentDigest.hash(Array(purpose.utf8)).hexadecimal)"
    }

    /// Where the upload goes on; nil when nothing is noted that can be used.
    func read() -> String? {
        guard let bytes = try? InputFile.contents(of: path, limit: UploadNote.maximumByteCount),
            let note = try? JSON.parse(bytes), note["purpose"]?.string == purpose
        else { return nil }
        return note["location"]?.string
    }

    /// Notes where the upload goes on. A note that cannot be written costs nothing but the repetition.
    func write(_ location: String) {
        guard let output = try? OutputFile(beside: path) else { return }
        let text = JSON.text(["purpose": .string(purpose), "location": .string(location)])
        guard (try? output.write(Array(text.utf8))) != nil else { return }
        try? output.commit(as: path, mode: 0o600)
    }

    /// Forgets the upload.
    func remove() {
        if Directory.kind(of: path) != nil { try? Directory.remove(path) }
    }
}
