import FileSystem
public import Integrity

/// `adapters.lock`: which bytes stand behind which names, to be kept under version control and proved in CI.
///
/// ```
/// adapters.lock 1
/// names team/*
/// adapter team/support:v1 sha256:… sha256:…        reference, digest, content root
/// signed-by release
/// check sha256:…                                   over all lines above
/// ```
///
/// Lines are sorted, so that versions of the file compare well. `names` says what was locked: an adapter under such a
/// name that has no line is unlisted.
public struct LockFile: Hashable, Sendable {
    /// One locked adapter.
    public struct Entry: Hashable, Sendable {
        /// Its name and tag.
        public var reference: Reference
        /// The digest of its file.
        public var digest: Digest
        /// Its identity.
        public var contentRoot: Digest

        /// Creates an entry.
        public init(reference: Reference, digest: Digest, contentRoot: Digest) {
            self.reference = reference
            self.digest = digest
            self.contentRoot = contentRoot
        }
    }

    private static let heading = "adapters.lock 1"
    private static let maximumByteCount = 64 << 20

    /// The patterns of names that are locked, ascending.
    public let names: [String]
    /// The names of keys by which every adapter must be signed, ascending.
    public let signers: [String]
    /// The locked adapters by reference.
    public let entries: [Reference: Entry]

    /// Creates a lock.
    ///
    /// - Throws: ``RegistryError`` with code `invalidReference` for a pattern that no line can hold.
    public init(names: [String], signers: [String] = [], entries: [Entry]) throws(RegistryError) {
        for name in names where name.isEmpty || !name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw .invalidReference(name, "a pattern of names has letters, digits and '*', and no spaces.")
        }
        self.names = Set(names).sorted()
        self.signers = Set(signers).sorted()
        self.entries = Dictionary(entries.map { ($0.reference, $0) }, uniquingKeysWith: { $1 })
    }

    /// The file's content.
    public var text: String {
        let lines =
            [LockFile.heading] + names.map { "names \($0)" } + signers.map { "signed-by \($0)" }
            + entries.values.map(LockFile.line).sorted()
        let body = lines.map { $0 + "\n" }.joined()
        return body + "check \(SHA256.hash(Array(body.utf8)))\n"
    }

    /// The number of an entry's line in ``text``, from 1.
    public func line(of entry: Entry) -> Int {
        1 + names.count + signers.count + 1 + entries.values.filter { LockFile.line($0) < LockFile.line(entry) }.count
    }

    private static func line(_ entry: Entry) -> String {
        "adapter \(entry.reference) \(entry.digest) \(entry.contentRoot)"
    }

    /// Reads a lock file.
    ///
    /// - Throws: ``RegistryError`` with code `corrupt` and the number of the first line that is wrong;
    ///   `FileSystemError`.
    public init(readingFile path: String) throws {
        try self.init(
            parsing: InputFile.contents(of: path, limit: LockFile.maximumByteCount), named: path)
    }

    init(parsing bytes: [UInt8], named path: String) throws {
        func damaged(_ line: Int, _ reason: String) -> RegistryError {
            RegistryError(
                .corrupt,
                "Unable to read '\(path)': line \(line) \(reason). Restore the file, or write it anew with 'lock'.")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw damaged(1, "is not UTF-8") }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.first == LockFile.heading else { throw damaged(1, "is not '\(LockFile.heading)'") }
        guard lines.count >= 3, lines.last?.isEmpty == true, let check = lines.dropLast().last,
            check.hasPrefix("check ")
        else { throw damaged(lines.count, "is not the check that ends the file") }
        var names: [String] = []
        var signers: [String] = []
        var entries: [Entry] = []
        for (index, line) in lines.dropLast(2).enumerated().dropFirst() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            switch (words.first, words.count) {
            case ("names", 2): names.append(words[1])
            case ("signed-by", 2): signers.append(words[1])
            case ("adapter", 4):
                guard let digest = Digest(parsing: words[2]), let contentRoot = Digest(parsing: words[3]),
                    let reference = try? Reference(parsing: words[1]), reference.description == words[1]
                else { throw damaged(index + 1, "does not name an adapter and its digests") }
                entries.append(Entry(reference: reference, digest: digest, contentRoot: contentRoot))
            default: throw damaged(index + 1, "is not of a kind that is known")
            }
        }
        try self.init(names: names, signers: signers, entries: entries)
        // One spelling only: a line that was edited, moved, repeated or removed changes the check.
        guard self.text == text else {
            throw damaged(lines.count - 1, "does not agree with the lines above: the file was edited by hand")
        }
    }

    /// Throws when a resolved reference is not what was locked.
    ///
    /// - Throws: ``RegistryError`` with code `conflict`.
    public func check(_ stored: StoredAdapter) throws(RegistryError) {
        guard let entry = entries[stored.reference] else {
            throw RegistryError(
                .conflict,
                "Unable to use '\(stored.reference)': the lock file does not list it. Lock it: adapterctl lock "
                    + "\(stored.reference.repository).", reference: stored.reference.description)
        }
        guard entry.digest == stored.digest else {
            throw RegistryError(
                .conflict,
                "Unable to use '\(stored.reference)': it has moved since the lock was written, from \(entry.digest) to "
                    + "\(stored.digest). Refresh the lock, or move the tag back.",
                reference: stored.reference.description)
        }
    }
}
