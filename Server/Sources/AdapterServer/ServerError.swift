/// Why a server cannot run.
public struct ServerError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// An option or a combination of options is not possible.
        public static let invalidOption = Code(description: "invalidOption")
        /// The file of users cannot be understood.
        public static let invalidUsers = Code(description: "invalidUsers")
        /// The address cannot be listened on.
        public static let address = Code(description: "address")
        /// The certificate or its key cannot be used.
        public static let certificate = Code(description: "certificate")
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
