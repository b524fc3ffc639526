public import Adapters
import ByteCoding
public import Tensors

/// What the catalog knows of an adapter without opening its file.
///
/// Null characters in texts stand here as U+FFFD, as SQLite's texts end at them.
public struct AdapterSummary: Hashable, Sendable {
    /// The base model.
    public var base: BaseModel
    /// The smallest and the largest rank; nil when no module has a low-rank update.
    public var ranks: ClosedRange<Int>?
    /// The smallest and the largest alpha; nil when no module has a low-rank update.
    public var alphas: ClosedRange<Double>?
    /// The element types of all tensors, ascending by their numbers.
    public var dtypes: [DType]
    /// The number of trained values.
    public var parameterCount: Int
    /// The number of adapted modules.
    public var moduleCount: Int
    /// The size of all tensors in bytes, uncompressed.
    public var tensorByteCount: Int
    /// The last components of the adapted modules' paths, ascending by bytes.
    public var targetModules: [String]
    /// What the version is, in a sentence.
    public var message: String?
    /// The licence.
    public var license: String?
    /// Free key-value pairs.
    public var labels: [String: String]
    /// How it was computed; nil when it was not computed from others.
    public var operation: String?

    /// Sums an adapter up.
    ///
    /// - Parameter operation: how it was computed, which the adapter itself does not know.
    public init(_ adapter: Adapter, operation: String? = nil) {
        let ranks = adapter.ranks
        let alphas = adapter.alphas
        let notes = adapter.notes
        // In the order of the keys, so that the choice between keys that become equal is always the same.
        let labels = notes.labels.sorted { $0.key.precedesInUTF8($1.key) }
            .map { ($0.key.withoutNull, $0.value.withoutNull) }
        self.init(
            base: BaseModel(
                name: adapter.base.name?.withoutNull, revision: adapter.base.revision?.withoutNull,
                digest: adapter.base.digest),
            ranks: ranks.first.flatMap { first in ranks.last.map { first...$0 } },
            alphas: alphas.first.flatMap { first in alphas.last.map { first...$0 } }, dtypes: adapter.dtypes,
            parameterCount: adapter.parameterCount, moduleCount: adapter.modules.count,
            tensorByteCount: adapter.tensorByteCount, targetModules: adapter.targetModules,
            message: notes.message?.withoutNull, license: notes.license?.withoutNull,
            labels: Dictionary(labels, uniquingKeysWith: { first, _ in first }), operation: operation?.withoutNull)
    }

    init(
        base: BaseModel, ranks: ClosedRange<Int>?, alphas: ClosedRange<Double>?, dtypes: [DType], parameterCount: Int,
        moduleCount: Int, tensorByteCount: Int, targetModules: [String], message: String?, license: String?,
        labels: [String: String], operation: String?
    ) {
        self.base = base
        self.ranks = ranks
        self.alphas = alphas
        self.dtypes = dtypes
        self.parameterCount = parameterCount
        self.moduleCount = moduleCount
        self.tensorByteCount = tensorByteCount
        self.targetModules = targetModules
        self.message = message
        self.license = license
        self.labels = labels
        self.operation = operation
    }
}

extension String {
    /// The text with U+FFFD for each null character.
    var withoutNull: String {
        utf8.contains(0) ? String(String.UnicodeScalarView(unicodeScalars.map { $0 == "\0" ? "\u{FFFD}" : $0 })) : self
    }
}
