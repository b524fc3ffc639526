/// Why a key cannot be used or an adapter does not count as signed.
public struct SignatureError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// The text or the bytes are not a key in the encoding of version 1.
        public static let malformedKey = Code(description: "malformedKey")
        /// It is a key of an algorithm or in a form that is not supported.
        public static let unsupportedKey = Code(description: "unsupportedKey")
        /// A date is not one of the Gregorian calendar from 1970 to 9999 in the form YYYY-MM-DD.
        public static let malformedDate = Code(description: "malformedDate")
        /// A signature document breaks the rules of its form.
        public static let malformedSignature = Code(description: "malformedSignature")
        /// A detached document signs another content root.
        public static let otherContent = Code(description: "otherContent")
        /// The key asked for is not among the trusted ones.
        public static let unknownKey = Code(description: "unknownKey")
        /// There is no signature at all.
        public static let unsigned = Code(description: "unsigned")
        /// There are signatures, but by other keys.
        public static let wrongKey = Code(description: "wrongKey")
        /// A signature claims the key and does not verify with it.
        public static let invalidSignature = Code(description: "invalidSignature")
        /// The key is trusted no longer.
        public static let expiredKey = Code(description: "expiredKey")
        /// The signature counts no longer.
        public static let expiredSignature = Code(description: "expiredSignature")
        /// OpenSSL could not make a key or a signature.
        public static let cryptographyFailed = Code(description: "cryptographyFailed")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person. Control characters of untrusted texts are replaced.
    public var message: String
    /// The id of the key it is about, when it is about one.
    public var keyID: Digest?

    /// Creates an error.
    public init(_ code: Code, _ message: String, keyID: Digest? = nil) {
        self.code = code
        self.message = String(
            String.UnicodeScalarView(
                message.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
        self.keyID = keyID
    }

    /// The message.
    public var description: String { message }
}
