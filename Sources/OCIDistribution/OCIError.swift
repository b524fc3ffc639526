/// Why something in OCI's terms could not be read, found or transferred.
public struct OCIError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// A text is no reference, name, tag, digest or media type.
        public static let invalidReference = Code(description: "invalidReference")
        /// A manifest, an index or another document does not have the form that the specification gives it.
        public static let invalidDocument = Code(description: "invalidDocument")
        /// A document or an answer is longer than the stated limit.
        public static let tooLarge = Code(description: "tooLarge")
        /// Bytes do not have the digest or the length that they were announced with.
        public static let digestMismatch = Code(description: "digestMismatch")
        /// The peer has no such repository, manifest, tag or blob.
        public static let notFound = Code(description: "notFound")
        /// The peer wants credentials, or does not accept those that were given.
        public static let unauthorized = Code(description: "unauthorized")
        /// The peer knows the user and does not allow this.
        public static let denied = Code(description: "denied")
        /// The tag or the upload is not where it was expected.
        public static let conflict = Code(description: "conflict")
        /// The peer asks for fewer requests, and more patience did not help.
        public static let tooManyRequests = Code(description: "tooManyRequests")
        /// The peer does not offer what was asked for.
        public static let unsupported = Code(description: "unsupported")
        /// The peer refused the request as wrong.
        public static let rejected = Code(description: "rejected")
        /// The peer failed (a status of 500 or more).
        public static let serverFailure = Code(description: "serverFailure")
        /// The peer cannot be reached, the connection broke or took too long.
        public static let network = Code(description: "network")
        /// The peer's certificate is not trusted.
        public static let untrustedPeer = Code(description: "untrustedPeer")
        /// The peer does not keep to the protocol.
        public static let protocolViolation = Code(description: "protocolViolation")
        /// Credentials cannot be read, found or stored.
        public static let credentials = Code(description: "credentials")
        /// What was fetched is not an adapter that this program understands.
        public static let wrongKind = Code(description: "wrongKind")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person; never a credential.
    public var message: String
    /// The status of the answer that caused it, when there was one.
    public var status: Int?
    /// How long the peer asks to wait before the next request.
    public var retryAfter: Duration?
    /// The error underneath, when there is one.
    public var cause: (any Error)?

    /// Creates an error.
    public init(_ code: Code, _ message: String, status: Int? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.cause = cause
    }

    /// The message.
    public var description: String { message }
}
