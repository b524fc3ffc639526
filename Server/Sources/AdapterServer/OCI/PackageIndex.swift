import AdapterFormat
import AdapterRegistry
import FileSystem
import Integrity
import OCIDistribution
import Synchronization

/// Which adapter of a repository something belongs to that is asked for by its digest.
///
/// Every adapter is opened once: what belongs to it never changes, but for its documents. What a repository has is listed
/// again when the registry's log has grown, so that a digest which is not there costs a look at the log's end.
final class PackageIndex: Sendable {
    private struct Entry {
        var version: PackageVersion
        var documents: [Digest]
    }

    /// A repository as it was when the log ended with an entry.
    private struct Shelf {
        var logEntry: Int
        var entries: [Digest: Entry] = [:]
        var owners: [Digest: Digest] = [:]
    }

    private struct State {
        var shelves: [RepositoryName: Shelf] = [:]
        /// The manifest of each adapter and what the manifest names.
        var contents: [Digest: [Digest]] = [:]
    }

    /// How many digests are remembered of all repositories, about 100 bytes each.
    private static let ownerLimit = 500_000

    private let state = Mutex(State())
    /// Held while a repository is listed: who waits finds it done.
    private let listing = Mutex(())

    /// The adapter in a repository to which something belongs; nil when it belongs to none.
    ///
    /// - Parameters:
    ///   - contents: the manifest of a version and the blobs that it names, but for the adapter's file.
    ///   - documents: the manifests and the texts of the documents about a version; asked for when there are any.
    func owner(
        of digest: ContentDigest, in name: RepositoryName, of registry: Registry,
        contents: (PackageVersion) throws -> [ContentDigest], documents: (PackageVersion) throws -> [ContentDigest]
    ) throws -> Digest? {
        guard let digest = digest.sha256 else { return nil }
        // Read before the list: what changes meanwhile is found the next time.
        let logEntry = try registry.newestLogEntry()
        func known() -> Digest?? {
            state.withLock { state in
                guard let shelf = state.shelves[name], shelf.logEntry == logEntry else { return nil }
                return .some(shelf.owners[digest])
            }
        }
        if let owner = known() { return owner }
        return try listing.withLock { _ in
            if let owner = known() { return owner }
            let (old, opened) = state.withLock { ($0.shelves[name]?.entries ?? [:], $0.contents) }
            var shelf = Shelf(logEntry: logEntry)
            var fresh: [Digest: [Digest]] = [:]
            for version in try registry.packageVersions(of: name) {
                let entry: Entry
                let belongings: [Digest]
                do {
                    belongings = try opened[version.adapter] ?? contents(version).compactMap(\.sha256)
                    if let unchanged = old[version.adapter], unchanged.version == version {
                        entry = unchanged
                    } else {
                        entry = Entry(
                            version: version,
                            documents: version.documentCount == 0 ? [] : try documents(version).compactMap(\.sha256))
                    }
                } catch  where PackageIndex.isDamage(error) {
                    // One file hides no other; 'fsck' says which it is.
                    continue
                }
                fresh[version.adapter] = belongings
                shelf.entries[version.adapter] = entry
                for content in belongings + entry.documents { shelf.owners[content] = version.adapter }
            }
            state.withLock { [fresh, shelf] state in
                state.contents.merge(fresh) { old, _ in old }
                let count = state.shelves.values.reduce(shelf.owners.count) { $0 + $1.owners.count }
                if count > PackageIndex.ownerLimit { state.shelves = [:] }
                state.shelves[name] = shelf
            }
            return shelf.owners[digest]
        }
    }

    /// Whether an adapter cannot be opened, or has gone meanwhile.
    private static func isDamage(_ error: any Error) -> Bool {
        if let error = error as? RegistryError { return error.code == .damagedBlob || error.code == .notFound }
        return error is FormatError || error is FileSystemError
    }

    /// The adapter to which something belongs in any repository that was listed before.
    func knownOwner(of digest: ContentDigest) -> Digest? {
        guard let digest = digest.sha256 else { return nil }
        return state.withLock { state in state.shelves.values.lazy.compactMap { $0.owners[digest] }.first }
    }
}
