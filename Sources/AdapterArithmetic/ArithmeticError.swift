/// Why adapters could not be combined.
public struct ArithmeticError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// No input is given, or every weight is 0.
        public static let noInput = Code(description: "noInput")
        /// A weight is infinite or not a number, or a product with it is.
        public static let invalidWeight = Code(description: "invalidWeight")
        /// An option is outside its range or does not go with another.
        public static let invalidOption = Code(description: "invalidOption")
        /// The adapters were trained on different base models.
        public static let differentBase = Code(description: "differentBase")
        /// The same module has different kinds or shapes.
        public static let shapeMismatch = Code(description: "shapeMismatch")
        /// An adapter holds something that cannot be added, such as DoRA's magnitudes.
        public static let notLinear = Code(description: "notLinear")
        /// An adapter holds parameters that are absolute values, and no rule for them is chosen or it does not apply.
        public static let absoluteParameters = Code(description: "absoluteParameters")
        /// A tensor holds an infinity or NaN.
        public static let nonFinite = Code(description: "nonFinite")
        /// A result exceeds the range of its type.
        public static let overflow = Code(description: "overflow")
        /// The result exceeds what the file format or the memory can hold.
        public static let limitExceeded = Code(description: "limitExceeded")
        /// The base model has no tensor for something that an adapter changes.
        public static let missingTarget = Code(description: "missingTarget")
        /// A tensor of the base model has an element type that cannot be computed with.
        public static let unsupportedBase = Code(description: "unsupportedBase")
        /// A matrix factorisation failed.
        public static let factorisationFailed = Code(description: "factorisationFailed")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person.
    public var message: String
    /// The module it is about; empty when it is about whole adapters.
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
