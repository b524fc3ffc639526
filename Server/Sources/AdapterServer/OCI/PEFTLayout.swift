import AdapterInterchange
import AdapterRegistry
import Adapters
import FileSystem
import Integrity
import OCIDistribution

/// A manifest whose layers are PEFT's files, as clients push it for programs that know only these.
struct PEFTLayout: Sendable {
    let tensors: ContentDigest
    let configuration: ContentDigest

    /// Makes the files an adapter of the registry's own under a tag; nil when they are none that is understood, which is
    /// no fault of a registry's client.
    ///
    /// - Parameter folder: where a folder may be made for a moment, on the registry's file system.
    func store(in registry: Registry, as reference: Reference, through folder: String) throws -> Digest? {
        let files = [(PEFT.tensorsName, tensors), (PEFT.configurationName, configuration)]
        let place = "\(folder)/.import-\(RandomText.uuid())"
        defer {
            // A folder of links that stays is harmless, and there is nobody to tell.
            try? Directory.remove(place)
        }
        try Directory.create(place)
        for (name, digest) in files {
            guard let blob = try registry.packageBlob(digest.description, in: reference.repository) else { return nil }
            try Directory.link(blob.path, to: "\(place)/\(name)")
        }
        do {
            let adapter = try PEFT.read(folder: place)
            // The tag may be held fast; that is for the manifest's own check to say.
            return try registry.push(adapter, as: reference).digest
        } catch is InterchangeError {
            return nil
        } catch is AdapterError {
            return nil
        }
    }
}
