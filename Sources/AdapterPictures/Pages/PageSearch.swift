public import AdapterRegistry

/// What somebody looks for in the list of adapters.
public struct PageSearch: Sendable {
    /// Words that must occur.
    public var text: String
    /// The base model; `*` stands for any characters.
    public var base: String
    /// The order of the list.
    public var order: ListQuery.Order
    /// The last entry of the page before.
    public var after: Reference?

    /// Reads a query's fields; what makes no sense is as if it were not there.
    public init(text: String?, base: String?, order: String?, after: String?) {
        self.text = text ?? ""
        self.base = base ?? ""
        self.order = order.flatMap(ListQuery.Order.init(rawValue:)) ?? .created
        self.after = after.flatMap { try? Reference(parsing: $0) }
    }
}
