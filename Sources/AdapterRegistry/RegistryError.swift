public import Integrity

/// Why the registry could not do what it was asked.
public struct RegistryError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it was; compare this, not the message.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's stable name.
        public let description: String

        /// A name, tag or reference does not have the form of one.
        public static let invalidReference = Code(description: "invalidReference")
        /// A search, a filter or a rule that means nothing.
        public static let invalidQuery = Code(description: "invalidQuery")
        /// A recipe does not have the form of one, or its inputs form a cycle.
        public static let invalidRecipe = Code(description: "invalidRecipe")
        /// The registry lies on a network file system, whose locks do not hold.
        public static let networkFileSystem = Code(description: "networkFileSystem")
        /// The registry has no such name, tag or version.
        public static let notFound = Code(description: "notFound")
        /// The tag is not where the caller expected it.
        public static let conflict = Code(description: "conflict")
        /// The tag was made immutable and may neither move nor go.
        public static let immutableTag = Code(description: "immutableTag")
        /// The registry cannot be written: its file system, its permissions or the way it was opened.
        public static let readOnly = Code(description: "readOnly")
        /// The registry may not be read by this user.
        public static let permissionDenied = Code(description: "permissionDenied")
        /// The disk or the quota is exhausted.
        public static let noSpace = Code(description: "noSpace")
        /// A newer version of this program has changed the catalog's schema.
        public static let newerSchema = Code(description: "newerSchema")
        /// The catalog has an older schema, and the registry was opened for reading, which changes nothing.
        public static let olderSchema = Code(description: "olderSchema")
        /// The catalog is damaged.
        public static let corrupt = Code(description: "corrupt")
        /// A stored file is missing or does not hold what the catalog says.
        public static let damagedBlob = Code(description: "damagedBlob")
        /// Another process kept the catalog locked for too long.
        public static let locked = Code(description: "locked")
        /// The path or the reference is not of the kind that was expected.
        public static let wrongKind = Code(description: "wrongKind")
        /// Any other failure of the system or of SQLite.
        public static let ioFailure = Code(description: "ioFailure")
    }

    /// What kind of fault it was.
    public var code: Code
    /// The full sentence for a person.
    public var message: String
    /// The reference it is about, as text; nil when it is about the whole registry.
    public var reference: String?
    /// The stored file it is about, when it is about one.
    public var digest: Digest?
    /// The error underneath, when there is one.
    public var cause: (any Error)?

    /// Creates an error.
    public init(
        _ code: Code, _ message: String, reference: String? = nil, digest: Digest? = nil, cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.reference = reference
        self.digest = digest
        self.cause = cause
    }

    /// The message.
    public var description: String { message }
}
