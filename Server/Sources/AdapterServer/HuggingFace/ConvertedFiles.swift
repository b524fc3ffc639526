import AdapterFormat
import AdapterInterchange
import AdapterRegistry
import Adapters
import ByteCoding
import FileSystem
import Integrity
import Synchronization

/// Adapters as PEFT's folders, converted when somebody asks first and kept on disk.
///
/// A folder stands under its adapter's digest and appears complete, with the digests of its files, or not at all; all
/// of them may be removed at any time. The folders that were not asked for longest go when they take too much room.
final class ConvertedFiles: Sendable {
    /// A file of a converted adapter.
    struct File: Sendable {
        var name: String
        var path: String
        var byteCount: Int
        var digest: Digest
    }

    private struct Entry {
        var files: [File]
        var usedAt: ContinuousClock.Instant

        var byteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
    }

    private static let indexName = "files.json"
    private static let indexLimit = 1 << 20

    private let folder: String
    private let byteLimit: Int
    private let entries = Mutex<[Digest: Entry]>([:])
    /// One at a time: a conversion reads and writes a whole adapter.
    private let conversions = BlockingWork(threadCount: 1)

    init(folder: String, byteLimit: Int) {
        self.folder = folder
        self.byteLimit = byteLimit
    }

    /// The files of an adapter.
    ///
    /// - Throws: `InterchangeError` with code `notExpressible` when PEFT has no such adapter.
    func files(of stored: StoredAdapter, in registry: Registry) async throws -> [File] {
        if let files = known(stored.digest) { return files }
        return try await conversions.run { [self] in
            if let files = known(stored.digest) { return files }
            try countEarlier()
            let target = "\(folder)/\(stored.digest.hexadecimal)"
            let files = try read(target) ?? convert(stored, registry, to: target)
            try keep(files, of: stored.digest)
            return files
        }
    }

    /// Takes into account what earlier servers have left, before anything is added to it.
    private func countEarlier() throws {
        guard entries.withLock({ $0.isEmpty }), Directory.kind(of: folder) == .directory else { return }
        for name in try Directory.names(in: folder) {
            guard let digest = Digest(hexadecimal: name), let files = try read("\(folder)/\(name)") else { continue }
            entries.withLock { $0[digest] = Entry(files: files, usedAt: .now) }
        }
    }

    private func known(_ digest: Digest) -> [File]? {
        entries.withLock { entries in
            entries[digest]?.usedAt = .now
            return entries[digest]?.files
        }
    }

    /// What an earlier server has converted; nil when there is nothing, or nothing that can be used.
    private func read(_ target: String) throws -> [File]? {
        let path = "\(target)/\(ConvertedFiles.indexName)"
        guard Directory.kind(of: path) == .file else { return nil }
        let document = try? JSON.parse(InputFile.contents(of: path, limit: ConvertedFiles.indexLimit))
        let files = document?.map?.sorted { $0.key < $1.key }.compactMap { name, value -> File? in
            guard let digest = value["sha256"]?.string.flatMap(Digest.init(parsing:)),
                let byteCount = value["size"]?.integer,
                Directory.status(of: "\(target)/\(name)")?.byteCount == byteCount
            else { return nil }
            return File(name: name, path: "\(target)/\(name)", byteCount: byteCount, digest: digest)
        }
        return files?.count == document?.map?.count ? files : nil
    }

    private func convert(_ stored: StoredAdapter, _ registry: Registry, to target: String) throws -> [File] {
        let adapter = try registry.open(stored).adapter
        try Directory.create(folder)
        let output = try PEFT.prepare(adapter, asFolder: target, replacing: true)
        let card = try OutputFile(in: output.temporaryPath)
        try card.write(Array(ModelCard.text(stored).utf8))
        try card.commit(as: "\(output.temporaryPath)/\(ModelCard.fileName)")
        var files: [File] = []
        var index: [String: MetadataValue] = [:]
        for name in try Directory.names(in: output.temporaryPath) {
            let file = try InputFile(opening: "\(output.temporaryPath)/\(name)")
            var hasher = SHA256()
            try file.forEachPiece(in: 0..<file.byteCount) { hasher.update($0) }
            let digest = hasher.finalize()
            index[name] = ["sha256": .string(digest.description), "size": MetadataValue(file.byteCount)]
            files.append(File(name: name, path: "\(target)/\(name)", byteCount: file.byteCount, digest: digest))
        }
        let list = try OutputFile(in: output.temporaryPath)
        try list.write(Array(JSON.text(.map(index)).utf8))
        try list.commit(as: "\(output.temporaryPath)/\(ConvertedFiles.indexName)")
        try output.commit()
        return files
    }

    private func keep(_ files: [File], of digest: Digest) throws {
        let leaving = entries.withLock { entries in
            entries[digest] = Entry(files: files, usedAt: .now)
            var byteCount = entries.values.reduce(0) { $0 + $1.byteCount }
            var leaving: [Digest] = []
            for (other, entry) in entries.sorted(by: { $0.value.usedAt < $1.value.usedAt })
            where byteCount > byteLimit && other != digest {
                byteCount -= entry.byteCount
                entries[other] = nil
                leaving.append(other)
            }
            return leaving
        }
        // Who is just reading one has it open.
        for other in leaving { try Directory.remove("\(folder)/\(other.hexadecimal)") }
    }
}

/// The `README.md` of a converted adapter, as the Hub's clients expect one.
enum ModelCard {
    static let fileName = "README.md"

    /// The card; everything in it follows from the adapter.
    static func text(_ stored: StoredAdapter) -> String {
        let summary = stored.summary
        var text = "---\nlibrary_name: peft\n"
        if let name = summary.base.name { text += "base_model: \(JSON.text(.string(name)))\n" }
        if let license = summary.license { text += "license: \(JSON.text(.string(license)))\n" }
        text += "---\n\n"
        if let message = summary.message { text += message + "\n\n" }
        return text + "Content: `\(stored.contentRoot)`\n"
    }
}
