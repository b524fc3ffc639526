internal import AdapterFormat
internal import AdapterInterchange
internal import Adapters
internal import ByteCoding
internal import FileSystem
internal import Tensors

/// An adapter on its way into a file or folder outside the registry.
struct AdapterExport {
    let adapter: Adapter
    /// The file whose adapter it is, unchanged; nil for any other adapter.
    var original: AdapterFile?
    let layout: OutputLayout
    let path: String
    let writing: WritingOptions
    /// How an adapter without an original was computed, for a layout that has room for it.
    var provenance: (@Sendable () throws -> Provenance)?
    let options: GlobalOptions

    /// What was written, to be committed.
    struct Prepared {
        fileprivate enum Place {
            case own(OutputFile, path: String)
            case foreign(ForeignOutput)
        }

        fileprivate let place: Place
        /// What was converted or left out.
        let remarks: [String]
        /// What writing cost; nil where every number stays as it is.
        let certificate: ErrorCertificate?

        /// Lets it appear.
        func commit() throws {
            switch place {
            case .own(let file, let path): try file.commit(as: path)
            case .foreign(let output): try output.commit()
            }
        }

        /// What `--json` says of it.
        var document: [String: MetadataValue] {
            var document: [String: MetadataValue] = ["remarks": .array(remarks.map(MetadataValue.string))]
            if let certificate { document["certificate"] = CertificateDescription(certificate: certificate).document }
            return document
        }

        /// The remarks, and what rounding cost, in lines below a sentence.
        var lines: String {
            var lines = remarks.map { "  \($0)" }
            if let certificate {
                lines.append("  rounding lost at most \(Format.scientific(certificate.relativeRoundingError)) of ‖ΔW‖")
            }
            return lines.map { "\n" + $0 }.joined()
        }
    }

    /// Writes everything, with a progress line.
    func prepare() throws -> Prepared {
        let progress = options.console.progress("Writing", totalByteCount: adapter.tensorByteCount)
        defer { progress.finish() }
        let counted = try adapter.counting(progress.advance)
        switch layout {
        case .adpt:
            guard writing.replacing || Directory.kind(of: path) == nil else {
                throw FileSystemError(
                    .alreadyExists, "Unable to write '\(path)': it exists already. Use --force to replace it.",
                    path: path)
            }
            let record = try original?.provenance()
            let written = try RewrittenFile(
                adapter, of: original, provenance: record.map { record in { record } } ?? provenance, beside: path,
                limits: options.limits, progress: progress.advance)
            return Prepared(place: .own(written.output, path: path), remarks: [], certificate: nil)
        case .foreign(let layout):
            let output = try layout.prepare(counted, at: path, options: writing)
            return Prepared(
                place: .foreign(output), remarks: output.remarks, certificate: try output.certificate?())
        }
    }
}

extension Adapter {
    /// The adapter whose tensors tell how many of their bytes are read.
    fileprivate func counting(_ count: @escaping @Sendable (Int) -> Void) throws -> Adapter {
        func counted(_ tensor: Tensor) -> Tensor {
            Tensor(dtype: tensor.dtype, shape: tensor.shape, source: CountedSource(tensor: tensor, count: count))
        }
        return try Adapter(
            base: base,
            modules: modules.map { module in
                try AdaptedModule(
                    name: module.name,
                    update: try module.update.map { update in
                        try LowRankUpdate(
                            kind: update.kind, a: counted(update.a), b: counted(update.b), rank: update.rank,
                            alpha: update.alpha, scalingRule: update.scalingRule)
                    },
                    parameters: module.parameters.map {
                        ModuleParameter(role: $0.role, name: $0.name, tensor: counted($0.tensor))
                    })
            }, behaviour: behaviour, notes: notes)
    }
}

/// Tells how many bytes are read.
private struct CountedSource: TensorSource {
    let tensor: Tensor
    let count: @Sendable (Int) -> Void

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        count(range.count)
        return try tensor.bytes(in: range)
    }

    static func bytes(of reads: [(source: CountedSource, range: Range<Int>)]) throws -> [[UInt8]] {
        for read in reads { read.source.count(read.range.count) }
        return try Tensor.bytes(of: reads.map { ($0.source.tensor, $0.range) })
    }
}
