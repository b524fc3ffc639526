public import AdapterRegistry
internal import ByteCoding

/// A page of a repository's tags (OCI distribution specification 1.1, "Listing Tags").
public struct TagList: Hashable, Sendable {
    /// The longest page that is accepted, in bytes.
    public static let maximumByteCount = 8 << 20

    /// The repository.
    public var name: String
    /// Its tags, in order.
    public var tags: [Tag]

    /// Creates a page.
    public init(name: RepositoryName, tags: [Tag]) {
        self.name = name.description
        self.tags = tags
    }

    /// Reads a page; `null` stands for no tags.
    ///
    /// - Throws: ``OCIError`` with code `invalidDocument` or `tooLarge`.
    public init(parsing bytes: [UInt8]) throws(OCIError) {
        let fields = try JSONFields(parsing: bytes, kind: "list of tags", limit: TagList.maximumByteCount)
        name = try fields.string("name") ?? ""
        tags = []
        for element in try fields.array("tags") ?? [] {
            guard let text = element.string else { throw fields.invalid("a tag is not text.") }
            do throws(RegistryError) {
                tags.append(try Tag(parsing: text))
            } catch {
                throw fields.invalid("'\(text.printable(limit: 80))' is not a tag.")
            }
        }
    }

    /// The page's bytes.
    public var bytes: [UInt8] {
        MetadataValue.object([
            "name": .string(name), "tags": .array(tags.map { .string($0.description) }),
        ]).canonicalBytes
    }
}
