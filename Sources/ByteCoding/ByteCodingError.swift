/// Why bytes could not be read or written: a bounded read ran out, a number overflowed, a text was malformed.
public struct ByteCodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// More bytes were asked for than are left.
        public static let endOfInput = Code(description: "endOfInput")
        /// A computed size or offset does not fit its integer type.
        public static let overflow = Code(description: "overflow")
        /// Bytes that should be UTF-8 are not.
        public static let invalidUTF8 = Code(description: "invalidUTF8")
        /// The text is not JSON as RFC 8259 defines it, or a key occurs twice.
        public static let invalidJSON = Code(description: "invalidJSON")
        /// The bytes are not CBOR in the deterministic encoding of RFC 8949 section 4.2.1.
        public static let invalidCBOR = Code(description: "invalidCBOR")
        /// The value nests deeper, or is longer, than the stated limit.
        public static let limitExceeded = Code(description: "limitExceeded")
        /// The value has no encoding in the target notation (a NaN in JSON, for example).
        public static let notRepresentable = Code(description: "notRepresentable")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person.
    public var message: String
    /// Where in the input the fault lies, counted in bytes from its start.
    public var byteOffset: Int

    /// Creates an error.
    public init(_ code: Code, _ message: String, byteOffset: Int) {
        self.code = code
        self.message = message
        self.byteOffset = byteOffset
    }

    /// The message with its byte offset.
    public var description: String { "\(message) (at byte \(byteOffset))" }
}
