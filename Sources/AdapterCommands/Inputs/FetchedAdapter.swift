internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import FileSystem
internal import Integrity
internal import OCIDistribution

/// An adapter on its way from elsewhere: its files, complete and verified, in a folder for unfinished transfers.
struct FetchedAdapter {
    /// The adapter's own file, fetched or made from what was fetched.
    let output: OutputFile
    let file: AdapterFile
    let digest: Digest
    /// What was verified while the file arrived.
    let verification: PartVerification?
    /// How many bytes have come.
    let fetchedByteCount: Int
    /// The PEFT folder that was fetched; nil when the adapter's own file was.
    let folder: OutputDirectory?

    /// Fetches the weights of a package; what an earlier process has left is gone on with.
    ///
    /// - Throws: `OCIError` with code `digestMismatch` when the adapter is not the one that the manifest promises.
    init(
        _ package: FetchedPackage, from repository: any ArtifactRepository, in transfers: String, limits: ReadLimits,
        progress: Progress
    ) throws {
        let advance: @Sendable (Int) -> Void = { progress.advance(by: $0) }
        switch package.content {
        case .adapter(let descriptor):
            folder = nil
            output = try OutputFile(resuming: FetchedAdapter.partPath(descriptor, transfers))
            let fetched = try repository.download(descriptor, to: output, isAdapterFile: true, progress: advance)
            (verification, fetchedByteCount) = (fetched.verification, fetched.fetchedByteCount)
            do {
                file = try AdapterFile(opening: output.temporaryPath, limits: limits)
                digest = try descriptor.digest.sha256 ?? file.digest()
                try FetchedAdapter.check(file.contentRoot, package, repository)
            } catch {
                // Whole and of no use.
                output.discard()
                throw error
            }
        case .peft(let configuration, let tensors):
            let folder = try OutputDirectory(
                creating: "\(transfers)/peft-\(package.fetched.digest.hexadecimal)", replacing: true)
            self.folder = folder
            verification = nil
            var count = 0
            for (descriptor, name) in [(configuration, PEFT.configurationName), (tensors, PEFT.tensorsName)] {
                let part = try OutputFile(resuming: FetchedAdapter.partPath(descriptor, transfers))
                count += try repository.download(descriptor, to: part, isAdapterFile: false, progress: advance)
                    .fetchedByteCount
                try part.commit(as: "\(folder.temporaryPath)/\(name)")
            }
            fetchedByteCount = count
            output = try OutputFile(in: transfers)
            _ = try AdapterFileWriter.write(try PEFT.read(folder: folder.temporaryPath), to: output)
            file = try AdapterFile(opening: output.temporaryPath, limits: limits)
            digest = try file.digest()
            try FetchedAdapter.check(file.contentRoot, package, repository)
        }
    }

    private static func partPath(_ descriptor: Descriptor, _ transfers: String) -> String {
        "\(transfers)/\(descriptor.digest.algorithm.rawValue)-\(descriptor.digest.hexadecimal).part"
    }

    private static func check(_ root: Digest, _ package: FetchedPackage, _ repository: any ArtifactRepository) throws {
        guard let promised = package.contentRoot, promised != root else { return }
        throw OCIError(
            .digestMismatch,
            "Unable to use '\(repository.location)': its manifest promises the content root \(promised), the adapter has "
                + "\(root). Do not trust it; ask who pushed it.")
    }
}
