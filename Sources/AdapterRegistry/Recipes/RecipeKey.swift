import Adapters
import ByteCoding
import Integrity

/// By what the same computation on the same inputs is known again.
enum RecipeKey {
    /// SHA-256 over the operation, its options, the program's version and the inputs' identities, roles and weights.
    ///
    /// Inputs count by content root: a signature or another compression of a parent changes nothing.
    static func key(of provenance: Provenance) -> Digest {
        let document: MetadataValue = [
            "type": "adapterctl-recipe-v1", "operation": .string(provenance.operation),
            "toolVersion": .string(provenance.toolVersion), "options": .map(provenance.options),
            "inputs": .array(
                provenance.parents.map { parent in
                    [
                        "contentRoot": .string(parent.contentRoot.description), "role": .string(parent.role),
                        "weight": parent.weight.map { MetadataValue($0) } ?? .null,
                    ]
                }),
        ]
        return SHA256.hash(Array(JSON.text(document).utf8))
    }
}
