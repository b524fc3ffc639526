/// A value of the data model that JSON and deterministic CBOR share.
///
/// Integers and floating-point numbers stay apart (`1` is not `1.0`), so a configuration that is read and written
/// again keeps every value's type.
public enum MetadataValue: Hashable, Sendable {
    /// JSON `null`.
    case null
    /// JSON `true` or `false`.
    case bool(Bool)
    /// A number written without fraction or exponent.
    case integer(Int64)
    /// A number written with a fraction or an exponent.
    case double(Double)
    /// Text.
    case string(String)
    /// An ordered list.
    case array([MetadataValue])
    /// A map with unique string keys.
    case map([String: MetadataValue])
}

extension MetadataValue {
    /// The text, when this is text.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The truth value, when this is one.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The integer, when this is one.
    public var integer: Int? { if case .integer(let value) = self { Int(value) } else { nil } }
    /// The number, integer or not, when this is one.
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }
    /// The elements, when this is an array.
    public var array: [MetadataValue]? { if case .array(let value) = self { value } else { nil } }
    /// The entries, when this is a map.
    public var map: [String: MetadataValue]? { if case .map(let value) = self { value } else { nil } }
    /// Whether this is `null`.
    public var isNull: Bool { self == .null }

    /// The entry under `key`, nil when this is not a map or has no such key.
    public subscript(key: String) -> MetadataValue? { map?[key] }
}

extension MetadataValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// An integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A floating-point number.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// A list.
    public init(arrayLiteral elements: MetadataValue...) { self = .array(elements) }
    /// A map; the last of several equal keys wins.
    public init(dictionaryLiteral elements: (String, MetadataValue)...) {
        self = .map(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
    /// `null`.
    public init(nilLiteral: ()) { self = .null }
}

extension MetadataValue {
    /// An integer of the platform's width.
    public init(_ value: Int) { self = .integer(Int64(value)) }
    /// A floating-point number.
    public init(_ value: Double) { self = .double(value) }
    /// Text, or `null` when there is none.
    public init(_ value: String?) { self = value.map(MetadataValue.string) ?? .null }
    /// A truth value.
    public init(_ value: Bool) { self = .bool(value) }
}
