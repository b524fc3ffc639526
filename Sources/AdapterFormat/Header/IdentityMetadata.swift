internal import Adapters
internal import ByteCoding
internal import Integrity

/// The content of `META` (spec clause 5.1): what identifies an adapter beyond its modules.
struct IdentityMetadata {
    var base: BaseModel
    var behaviour: [String: MetadataValue]

    init(of adapter: Adapter) {
        base = adapter.base
        behaviour = adapter.behaviour
    }

    init(from bytes: [UInt8], baseOffset: Int) throws {
        let document = try MetadataDocument.decode(
            bytes, named: "metadata", limit: FormatConstants.maximumMetadataByteCount, baseOffset: baseOffset)
        guard let map = document.map else {
            throw FormatError(.malformedMetadata, "The metadata is not a map.", byteOffset: baseOffset)
        }
        func unknown(_ key: String) -> FormatError {
            FormatError(
                .malformedMetadata, "The metadata's entry '\(key)' is not known or has another type.",
                byteOffset: baseOffset)
        }
        base = BaseModel()
        behaviour = [:]
        for (key, value) in map {
            switch (key, value) {
            case ("base", .map(let entries)) where !entries.isEmpty:
                for (field, value) in entries {
                    guard let text = value.string else { throw unknown("base.\(field)") }
                    switch field {
                    case "name": base.name = text
                    case "revision": base.revision = text
                    case "digest":
                        guard let digest = Digest(parsing: text) else { throw unknown("base.digest") }
                        base.digest = digest
                    default: throw unknown("base.\(field)")
                    }
                }
            case ("behaviour", .map(let entries)) where !entries.isEmpty: behaviour = entries
            default: throw unknown(key)
            }
        }
    }

    /// The document's bytes.
    ///
    /// - Throws: ``FormatError`` with code `notRepresentable`.
    func encoded() throws -> [UInt8] {
        var entries: [String: MetadataValue] = [:]
        var fields: [String: MetadataValue] = [:]
        fields["name"] = base.name.map(MetadataValue.string)
        fields["revision"] = base.revision.map(MetadataValue.string)
        fields["digest"] = base.digest.map { .string($0.description) }
        if !fields.isEmpty { entries["base"] = .map(fields) }
        if !behaviour.isEmpty { entries["behaviour"] = .map(behaviour) }
        return try MetadataDocument.encode(
            .map(entries), named: "metadata", limit: FormatConstants.maximumMetadataByteCount)
    }
}
