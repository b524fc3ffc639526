internal import AdapterFormat
internal import Adapters
internal import FileSystem
internal import Integrity

/// An adapter written as a file of our own; what the file it comes from says besides goes with it.
struct RewrittenFile {
    /// What was written, to be committed.
    let output: OutputFile
    let contentRoot: Digest

    var byteCount: Int { output.offset }

    /// Writes the adapter.
    ///
    /// - Parameters:
    ///   - original: the file whose adapter it is, unchanged, so that its signatures stay valid; nil for any other.
    ///   - path: beside which it is written.
    /// - Throws: `FormatError` with code `digestMismatch` when the original holds other values than those of its
    ///   content root: each chunk may have the digest that a forger gave it.
    init(
        _ adapter: Adapter, of original: AdapterFile?, provenance: (() throws -> Provenance)?, beside path: String,
        codec: WritingCodec = .planes, limits: ReadLimits, progress: @escaping (Int) -> Void
    ) throws {
        let file = try OutputFile(beside: path)
        let written = try AdapterFileWriter.write(
            adapter, to: file, codec: codec, provenance: provenance, progress: progress)
        contentRoot = written.contentRoot
        guard let original else {
            output = file
            return
        }
        guard written.contentRoot == original.contentRoot else {
            var error = FormatError(
                .digestMismatch,
                "It holds \(written.contentRoot) and states the content root \(original.contentRoot). Do not trust it; ask "
                    + "who made it.")
            error.path = original.path
            throw error
        }
        let signatures = try original.signatures()
        guard !signatures.isEmpty else {
            output = file
            return
        }
        // Another codec leaves the content root as it is, and so the signatures valid.
        let unsigned = try AdapterFile(opening: file.temporaryPath, limits: limits)
        output = try OutputFile(beside: path)
        try AdapterFileWriter.copy(unsigned, signatures: signatures, to: output, limits: limits)
    }
}
