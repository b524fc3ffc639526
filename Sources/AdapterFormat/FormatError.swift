internal import ByteCoding

/// Why an adapter file could not be read, written or verified.
public struct FormatError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message. Annex A of the specification lists them.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// The first bytes are not those of an adapter file.
        public static let wrongMagic = Code(description: "wrongMagic")
        /// The file needs a newer reader.
        public static let newerVersion = Code(description: "newerVersion")
        /// The file is shorter than its header says.
        public static let truncated = Code(description: "truncated")
        /// The file is longer than its header says.
        public static let trailingBytes = Code(description: "trailingBytes")
        /// The header contradicts itself or the file's size.
        public static let malformedHeader = Code(description: "malformedHeader")
        /// A section that this reader must understand is not known as such.
        public static let unknownSection = Code(description: "unknownSection")
        /// A table's records contradict each other, are out of range or out of order.
        public static let malformedTable = Code(description: "malformedTable")
        /// A metadata document is not deterministic CBOR or lacks a field.
        public static let malformedMetadata = Code(description: "malformedMetadata")
        /// A number exceeds a limit of the format or of the caller.
        public static let limitExceeded = Code(description: "limitExceeded")
        /// A codec number is not known.
        public static let unknownCodec = Code(description: "unknownCodec")
        /// A chunk does not decode to the bytes it stands for.
        public static let malformedChunk = Code(description: "malformedChunk")
        /// Bytes do not have the digest that the file states.
        public static let digestMismatch = Code(description: "digestMismatch")
        /// The signatures in a file do not have the form of signatures; nothing is said about their validity.
        public static let malformedSignature = Code(description: "malformedSignature")
        /// The adapter does not fit the format.
        public static let notRepresentable = Code(description: "notRepresentable")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person. Control characters of untrusted texts are replaced.
    public var message: String
    /// Where in the file the fault lies, when it lies at one place.
    public var byteOffset: Int?
    /// The tensor it is about, when it is about one.
    public var tensor: String?
    /// The file it is about, when it was opened by path.
    public var path: String?

    /// Creates an error.
    public init(_ code: Code, _ message: String, byteOffset: Int? = nil, tensor: String? = nil) {
        self.code = code
        self.message = message.printable()
        self.byteOffset = byteOffset
        self.tensor = tensor
    }

    /// The message with the file's path and the fault's place, as far as they are known.
    public var description: String {
        let place = byteOffset.map { " (at byte \($0))" } ?? ""
        return path.map { "Unable to read '\($0)': \(message)\(place)" } ?? message + place
    }
}
