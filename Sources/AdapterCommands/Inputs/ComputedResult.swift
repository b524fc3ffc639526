internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

/// One parent of a computed adapter: what it is and where its bytes are.
struct StoredParent {
    let loaded: LoadedAdapter
    /// Its weight in the sum; nil where weights have no meaning.
    let weight: Double?

    /// Opens a parent, which must be stored: a result names its parents by digest.
    init(_ subject: Subject, text: String, weight: Double? = nil, verb: String, options: GlobalOptions) throws {
        guard case .reference = subject else { throw InputError.referenceNeeded(text, verb: verb) }
        loaded = try LoadedAdapter(subject, label: text, options: options)
        self.weight = weight
    }

    var input: MergeInput {
        MergeInput(
            adapter: loaded.adapter, weight: weight ?? 1, label: loaded.label, contentRoot: loaded.file?.contentRoot)
    }

    var provenance: Provenance.Parent? {
        guard let digest = loaded.digest, let contentRoot = loaded.file?.contentRoot else { return nil }
        return Provenance.Parent(digest: digest, contentRoot: contentRoot, weight: weight)
    }
}

/// What computes an adapter from stored ones.
enum Operation: String {
    case merge, interpolate, convert, scale, negate, subtract

    /// What is going on, for the progress line.
    var activity: String {
        switch self {
        case .merge: "Merging"
        case .interpolate: "Interpolating"
        case .convert: "Converting"
        case .scale: "Scaling"
        case .negate: "Negating"
        case .subtract: "Subtracting"
        }
    }

}

/// Stores a computed adapter with its parents and its error certificate, and prints both.
struct ComputedResult {
    let operation: Operation
    let computed: ComputedAdapter
    let parents: [StoredParent]
    /// What decided the result besides the parents.
    let settings: [String: MetadataValue]
    let options: GlobalOptions
    /// What the certificate compares with.
    var exactResult = "the exact sum"

    func store(as target: Reference, expecting: ExpectedTag, message: String?) throws -> MetadataValue {
        let registry = try options.openRegistry(.readWrite)
        var adapter = computed.adapter
        if let message { adapter.notes.message = message }
        let progress = options.console.progress(operation.activity, totalByteCount: adapter.tensorByteCount)
        // Nobody may collect the parents while they are read.
        let stored = try registry.withLease { lease in
            try lease.protect(parents.compactMap(\.loaded.digest))
            return try registry.push(
                adapter, as: target, codec: .planes, expected: expecting,
                provenance: {
                    Provenance(
                        operation: operation.rawValue, toolVersion: ToolVersion.current,
                        parents: parents.compactMap(\.provenance), options: settings,
                        certificate: try computed.certificate())
                }, progress: progress.advance)
        }
        progress.finish()
        let certificate = try computed.certificate()
        let description = AdapterDescription(adapter: adapter)
        var document = description.document
        document["reference"] = .string(target.description)
        document["digest"] = .string(stored.digest.description)
        document["contentRoot"] = .string(stored.contentRoot.description)
        document["byteCount"] = MetadataValue(stored.byteCount)
        document["comparedWith"] = .string(exactResult)
        document["certificate"] = CertificateDescription(certificate: certificate).document
        try print(stored, target, certificate, description)
        return .map(document)
    }

    private func print(
        _ stored: StoredAdapter, _ target: Reference, _ certificate: ErrorCertificate,
        _ description: AdapterDescription
    ) throws {
        if options.quiet { return try StandardOutput.write(stored.digest.description + "\n") }
        if options.json { return }
        try StandardOutput.write(
            """
            Stored \(target)
              digest        \(stored.digest)
              content root  \(stored.contentRoot)
              \(description.summary) · \(Format.bytes(stored.byteCount)) stored

            What the result lost against \(exactResult) (Frobenius norms of ΔW)
            \(CertificateDescription(certificate: certificate).table)
            """)
    }
}
