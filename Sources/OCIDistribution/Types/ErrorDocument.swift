public import ByteCoding

/// What a registry answers beside a status of 400 or more (OCI distribution specification 1.1, "Error Codes").
public struct ErrorDocument: Hashable, Sendable {
    /// The longest error document that is looked at, in bytes.
    public static let maximumByteCount = 64 << 10
    /// The most errors that are read.
    public static let maximumCount = 64

    /// The name of an error.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name as the specification spells it.
        public let description: String

        init(_ description: String) { self.description = description }

        /// The registry has no such blob.
        public static let blobUnknown = Code("BLOB_UNKNOWN")
        /// The upload cannot be continued.
        public static let blobUploadInvalid = Code("BLOB_UPLOAD_INVALID")
        /// The registry has no such upload.
        public static let blobUploadUnknown = Code("BLOB_UPLOAD_UNKNOWN")
        /// The bytes do not have the digest that was given.
        public static let digestInvalid = Code("DIGEST_INVALID")
        /// The manifest refers to a blob or manifest that the registry does not have.
        public static let manifestBlobUnknown = Code("MANIFEST_BLOB_UNKNOWN")
        /// The manifest does not have the form of one.
        public static let manifestInvalid = Code("MANIFEST_INVALID")
        /// The registry has no such manifest.
        public static let manifestUnknown = Code("MANIFEST_UNKNOWN")
        /// The name is not one of a repository.
        public static let nameInvalid = Code("NAME_INVALID")
        /// The registry has no such repository.
        public static let nameUnknown = Code("NAME_UNKNOWN")
        /// The bytes do not have the length that was given.
        public static let sizeInvalid = Code("SIZE_INVALID")
        /// Credentials are needed.
        public static let unauthorized = Code("UNAUTHORIZED")
        /// The user may not do this.
        public static let denied = Code("DENIED")
        /// The registry does not offer this.
        public static let unsupported = Code("UNSUPPORTED")
        /// The client asks too often.
        public static let tooManyRequests = Code("TOOMANYREQUESTS")
    }

    /// One error.
    public struct Entry: Hashable, Sendable {
        /// The name of the error.
        public var code: Code
        /// A sentence for a person.
        public var message: String
        /// Whatever else the registry says.
        public var detail: MetadataValue?

        /// Creates an entry.
        public init(_ code: Code, _ message: String, detail: MetadataValue? = nil) {
            self.code = code
            self.message = message
            self.detail = detail
        }
    }

    /// The errors, in order.
    public var errors: [Entry]

    /// Creates a document.
    public init(_ errors: [Entry]) { self.errors = errors }

    /// Reads a document; texts are cleaned of control characters, so that they can be shown.
    ///
    /// - Throws: ``OCIError`` with code `invalidDocument` or `tooLarge`.
    public init(parsing bytes: [UInt8]) throws(OCIError) {
        let fields = try JSONFields(parsing: bytes, kind: "error document", limit: ErrorDocument.maximumByteCount)
        guard let elements = try fields.array("errors") else { throw fields.missing("errors") }
        errors = []
        for element in elements.prefix(ErrorDocument.maximumCount) {
            let entry = try JSONFields(element, kind: "error document")
            guard let code = try entry.string("code") else { throw entry.missing("code") }
            errors.append(
                Entry(
                    Code(code.printable(limit: 80)), try entry.string("message")?.printable(limit: 500) ?? "",
                    detail: entry.value("detail")))
        }
    }

    /// The document's bytes.
    public var bytes: [UInt8] {
        MetadataValue.object([
            "errors": .array(
                errors.map { entry in
                    .object([
                        "code": .string(entry.code.description), "message": .string(entry.message),
                        "detail": entry.detail,
                    ])
                })
        ]).canonicalBytes
    }
}
