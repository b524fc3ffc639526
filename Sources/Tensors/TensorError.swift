/// Why a tensor could not be made or converted.
public struct TensorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// The bytes do not fill the shape.
        public static let sizeMismatch = Code(description: "sizeMismatch")
        /// The shape has too many dimensions or elements.
        public static let invalidShape = Code(description: "invalidShape")
        /// The operation needs floating-point elements, or a type it can write.
        public static let unsupportedDType = Code(description: "unsupportedDType")
        /// A finite value does not fit the target type.
        public static let overflow = Code(description: "overflow")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person.
    public var message: String

    /// Creates an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
