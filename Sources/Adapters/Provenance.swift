public import ByteCoding
public import Integrity

/// How an adapter was computed: the operation, its parents and what it lost.
///
/// Holds no time and no place, so the same operation on the same parents gives the same bytes anywhere.
public struct Provenance: Hashable, Sendable {
    /// One input of the operation.
    public struct Parent: Hashable, Sendable {
        /// The digest of the parent's file.
        public var digest: Digest
        /// The parent's identity.
        public var contentRoot: Digest
        /// The part it played: `input`, `base`, ….
        public var role: String
        /// Its weight in the sum; nil where weights have no meaning.
        public var weight: Double?

        /// Creates a parent.
        public init(digest: Digest, contentRoot: Digest, role: String = "input", weight: Double? = nil) {
            self.digest = digest
            self.contentRoot = contentRoot
            self.role = role
            self.weight = weight
        }
    }

    /// The operation: `merge`, `interpolate`, ….
    public var operation: String
    /// The version of this program that computed it.
    public var toolVersion: String
    /// The inputs, in the order they were given.
    public var parents: [Parent]
    /// The parents that are computed with; the others are models and data that decided something else.
    public var inputs: [Parent] { parents.filter { $0.role == "input" } }
    /// The options that decide the result, such as the method and the rank.
    public var options: [String: MetadataValue]
    /// What the result lost against the exact one.
    public var certificate: ErrorCertificate?

    /// Creates a provenance record.
    public init(
        operation: String, toolVersion: String, parents: [Parent], options: [String: MetadataValue],
        certificate: ErrorCertificate? = nil
    ) {
        self.operation = operation
        self.toolVersion = toolVersion
        self.parents = parents
        self.options = options
        self.certificate = certificate
    }
}

extension Provenance {
    /// The record as a metadata document.
    package var metadata: MetadataValue {
        var entries: [String: MetadataValue] = [
            "operation": .string(operation), "toolVersion": .string(toolVersion), "options": .map(options),
            "parents": .array(
                parents.map { parent in
                    var entries: [String: MetadataValue] = [
                        "digest": .string(parent.digest.description),
                        "contentRoot": .string(parent.contentRoot.description), "role": .string(parent.role),
                    ]
                    entries["weight"] = parent.weight.map(MetadataValue.double)
                    return .map(entries)
                }),
        ]
        entries["certificate"] = certificate?.metadata
        return .map(entries)
    }

    /// A record from a metadata document.
    ///
    /// - Throws: ``AdapterError`` with code `invalidMetadata`.
    package init(metadata: MetadataValue) throws {
        let invalid = AdapterError(
            .invalidMetadata, "The provenance record lacks a field or holds one of another type.")
        guard let operation = metadata["operation"]?.string, let toolVersion = metadata["toolVersion"]?.string,
            let options = metadata["options"]?.map, let parents = metadata["parents"]?.array
        else { throw invalid }
        self.init(
            operation: operation, toolVersion: toolVersion,
            parents: try parents.map { parent in
                guard let digest = parent["digest"]?.string.flatMap(Digest.init(parsing:)),
                    let contentRoot = parent["contentRoot"]?.string.flatMap(Digest.init(parsing:)),
                    let role = parent["role"]?.string
                else { throw invalid }
                let weight = try parent["weight"].map { value in
                    guard let weight = value.number else { throw invalid }
                    return weight
                }
                return Parent(digest: digest, contentRoot: contentRoot, role: role, weight: weight)
            }, options: options, certificate: try metadata["certificate"].map(ErrorCertificate.init(metadata:)))
    }
}
