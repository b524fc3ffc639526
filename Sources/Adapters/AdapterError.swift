/// Why an adapter contradicts itself.
public struct AdapterError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// A shape does not fit the rank, or A and B do not fit each other.
        public static let shapeMismatch = Code(description: "shapeMismatch")
        /// A rank or an alpha is outside its range.
        public static let invalidScaling = Code(description: "invalidScaling")
        /// Two modules, or two parameters of one module, have the same name or canonically equivalent ones.
        public static let duplicateName = Code(description: "duplicateName")
        /// A name is too long or holds a control character.
        public static let invalidName = Code(description: "invalidName")
        /// A parameter has the role of A or B, which only a low-rank update has.
        public static let invalidRole = Code(description: "invalidRole")
        /// The adapter has more modules or tensors than the format can hold.
        public static let limitExceeded = Code(description: "limitExceeded")
        /// A stored metadata document does not have the expected fields.
        public static let invalidMetadata = Code(description: "invalidMetadata")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person.
    public var message: String
    /// The module it is about; empty when it is about the whole adapter.
    public var module: String

    /// Creates an error.
    public init(_ code: Code, _ message: String, module: String = "") {
        self.code = code
        self.message = message
        self.module = module
    }

    /// The message.
    public var description: String { message }
}
