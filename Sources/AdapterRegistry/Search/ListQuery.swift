public import Tensors

/// Which adapters to list, and in which order.
public struct ListQuery: Hashable, Sendable {
    /// What the list is ordered by; equal ones by name and tag.
    ///
    /// Turned around, a list is the same entries in the opposite order.
    public enum Order: String, Hashable, Sendable, CaseIterable {
        /// By name and tag, ascending.
        case name
        /// By the time of the push, the newest first.
        case created
        /// By the file's size, the largest first.
        case size
        /// By the largest rank, the largest first.
        case rank
        /// By the number of trained values, the largest first.
        case parameters
    }

    /// A label that an adapter must have.
    public struct Label: Hashable, Sendable {
        /// The label's key.
        public var key: String
        /// The value it must have; nil accepts any.
        public var value: String?

        /// Creates a condition.
        public init(key: String, value: String? = nil) {
            self.key = key
            self.value = value
        }
    }

    /// The name, where `*` stands for any characters; `name:tag` restricts the tag too. Nil accepts all.
    public var pattern: String?
    /// The base model's name, `name@revision` or digest, where `*` stands for any characters.
    public var base: String?
    /// How it was computed: `merge`, `train`, ….
    public var operation: String?
    /// Last components of module paths, all of which must be adapted.
    public var targets: [String]
    /// Where the ranks of all modules must lie.
    public var ranks: ClosedRange<Int>?
    /// The element types, all of which must occur.
    public var dtypes: [DType]
    /// The tag's name, where `*` stands for any characters.
    public var tag: String?
    /// Words that must occur in the names, the message, the licence, the base, the modules or the labels; `*` at the end
    /// of a word stands for any letters.
    public var text: String?
    /// The labels that must be there.
    public var labels: [Label]
    /// The order.
    public var order: Order
    /// Whether the order is turned around.
    public var isReversed: Bool
    /// The largest number of entries; nil is without limit.
    public var limit: Int?
    /// The last entry of the page before: the list goes on behind it, whatever was added or removed in between.
    public var after: Reference?

    /// Creates a query that accepts everything that is not restricted.
    public init(
        pattern: String? = nil, base: String? = nil, operation: String? = nil, targets: [String] = [],
        ranks: ClosedRange<Int>? = nil,
        dtypes: [DType] = [], tag: String? = nil, text: String? = nil, labels: [Label] = [], order: Order = .name,
        isReversed: Bool = false, limit: Int? = nil,
        after: Reference? = nil
    ) {
        self.pattern = pattern
        self.base = base
        self.operation = operation
        self.targets = targets
        self.ranks = ranks
        self.dtypes = dtypes
        self.tag = tag
        self.text = text
        self.labels = labels
        self.order = order
        self.isReversed = isReversed
        self.limit = limit
        self.after = after
    }
}
