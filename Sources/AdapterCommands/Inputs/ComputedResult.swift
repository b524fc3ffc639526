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
    var weight: Double?

    /// Opens a parent, which must be stored: a result names its parents by digest.
    init(_ subject: Subject, text: String, weight: Double? = nil, verb: String, options: GlobalOptions) throws {
        guard case .reference = subject else { throw InputError.referenceNeeded(text, verb: verb) }
        loaded = try LoadedAdapter(subject, label: text, options: options)
        self.weight = weight
    }

    /// A parent that is open.
    init(_ loaded: LoadedAdapter, weight: Double?) {
        self.loaded = loaded
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

extension Provenance.Parent {
    /// Models and data that went into a computation, which are known by the digests of their contents alone.
    ///
    /// - Parameters:
    ///   - roles: the parts they played, and under which settings their digests stand; those without one are left out.
    ///   - settings: what decided the result.
    static func outside(
        _ roles: [(role: String, key: String)], of settings: [String: MetadataValue]
    ) -> [Provenance.Parent] {
        roles.compactMap { role, key in
            settings[key]?.string.flatMap { Digest(parsing: $0) }
                .map { Provenance.Parent(digest: $0, contentRoot: $0, role: role) }
        }
    }
}

/// What computes an adapter from stored ones.
enum Operation: String {
    case merge, interpolate, convert, scale, negate, subtract, resize, pad, extract

    /// What is going on, for the progress line.
    var activity: String {
        switch self {
        case .merge: "Merging"
        case .interpolate: "Interpolating"
        case .convert: "Converting"
        case .scale: "Scaling"
        case .negate: "Negating"
        case .subtract: "Subtracting"
        case .resize: "Resizing"
        case .pad: "Padding"
        case .extract: "Extracting"
        }
    }

}

/// Stores a computed adapter with its parents and its error certificate, and prints both.
///
/// What was computed before, by the same operation on the same inputs, is taken from the store.
struct ComputedResult {
    let operation: Operation
    let parents: [StoredParent]
    /// What went into it and is not in the registry: models.
    let others: [Provenance.Parent]
    /// What decided the result besides the parents.
    let settings: [String: MetadataValue]
    let options: GlobalOptions
    /// What the certificate compares with.
    let exactResult: String
    /// What the result says of itself unless it is told.
    let message: String?
    private let compute: () throws -> ComputedAdapter

    /// Describes a result.
    ///
    /// - Parameter computed: computes it; not asked when the store has it.
    init(
        operation: Operation, computed: @escaping @autoclosure () throws -> ComputedAdapter,
        parents: [StoredParent] = [], others: [Provenance.Parent] = [], settings: [String: MetadataValue],
        options: GlobalOptions, exactResult: String = "the exact sum", message: String? = nil
    ) {
        self.operation = operation
        self.parents = parents
        self.others = others
        self.settings = settings
        self.options = options
        self.exactResult = exactResult
        self.message = message
        compute = computed
    }

    private var provenance: Provenance {
        Provenance(
            operation: operation.rawValue, toolVersion: ToolVersion.current,
            parents: parents.compactMap(\.provenance) + others, options: settings)
    }

    /// What is stored now, and what it lost.
    private struct Outcome {
        let stored: StoredAdapter
        let adapter: Adapter
        let certificate: ErrorCertificate
        /// Whether it was in the store already, so that nothing was computed.
        let wasStored: Bool
    }

    func store(
        as target: Reference, expecting: ExpectedTag, message: String?, recomputing: Bool = false
    ) throws -> MetadataValue {
        let registry = try options.openRegistry(.readWrite)
        let known = recomputing ? nil : try known(registry, target, expecting, message ?? self.message)
        let outcome = try known ?? computed(registry, target, expecting, message)
        let stored = outcome.stored
        let description = AdapterDescription(adapter: outcome.adapter)
        var document = description.document
        document["reference"] = .string(target.description)
        document["digest"] = .string(stored.digest.description)
        document["contentRoot"] = .string(stored.contentRoot.description)
        document["byteCount"] = MetadataValue(stored.byteCount)
        document["wasStored"] = .bool(outcome.wasStored)
        document["comparedWith"] = .string(exactResult)
        document["certificate"] = CertificateDescription(certificate: outcome.certificate).document
        warnAboutSmallerRanks(outcome.adapter)
        try print(outcome, target, description)
        return .map(document)
    }

    /// The result of the same computation, if the store has it.
    private func known(
        _ registry: Registry, _ target: Reference, _ expecting: ExpectedTag, _ message: String?
    ) throws -> Outcome? {
        guard let stored = try registry.reuse(provenance, message: message, as: target, expected: expecting) else {
            return nil
        }
        let file = try registry.open(stored)
        let certificate = try file.provenance()?.certificate ?? compute().certificate()
        return Outcome(stored: stored, adapter: file.adapter, certificate: certificate, wasStored: true)
    }

    private func computed(
        _ registry: Registry, _ target: Reference, _ expecting: ExpectedTag, _ message: String?
    ) throws -> Outcome {
        // Nobody may collect the parents while they are read.
        try registry.withLease { lease in
            try lease.protect(parents.compactMap(\.loaded.digest))
            let progress = options.console.progress(operation.activity)
            let computed = try compute()
            var adapter = computed.adapter
            if let message { adapter.notes.message = message }
            progress.expect(totalByteCount: adapter.tensorByteCount)
            let stored = try registry.push(
                adapter, as: target, codec: .planes, expected: expecting,
                provenance: {
                    var provenance = provenance
                    provenance.certificate = try computed.certificate()
                    return provenance
                }, progress: progress.advance)
            progress.finish()
            return Outcome(
                stored: stored, adapter: adapter, certificate: try computed.certificate(), wasStored: false)
        }
    }

    /// Says which modules have a smaller rank than was asked for, when a fixed one was.
    private func warnAboutSmallerRanks(_ adapter: Adapter) {
        guard let rank = settings["rank"]?.integer, ["energy", "error", "budget"].allSatisfy({ settings[$0] == nil })
        else { return }
        let smaller = adapter.updates.filter { $0.update.rank < rank }
        guard let first = smaller.first else { return }
        options.console.warn(
            "\(smaller.count) of \(adapter.updates.count) modules have less than rank \(rank), all that their "
                + "weights or the inputs' ranks allow: \(Console.printable(first.name)) has \(first.update.rank)"
                + (smaller.count > 1 ? ", …" : ""))
    }

    private func print(_ outcome: Outcome, _ target: Reference, _ description: AdapterDescription) throws {
        let stored = outcome.stored
        if options.json { return }
        let verb = outcome.wasStored ? "Named \(target), which the store had already" : "Stored \(target)"
        try options.console.answer(
            .null, identifiers: [stored.digest.description],
            text: """
                \(verb)
                  digest        \(stored.digest)
                  content root  \(stored.contentRoot)
                  \(description.summary) · \(Format.bytes(stored.byteCount)) stored

                What the result lost against \(exactResult) (Frobenius norms of ΔW)
                \(CertificateDescription(certificate: outcome.certificate).table)
                """)
    }
}
