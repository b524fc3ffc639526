internal import AdapterRegistry
internal import Adapters

/// An adapter that lies on a base model with a weight.
struct StackedAdapter {
    let loaded: LoadedAdapter
    let weight: Double

    /// What a model takes.
    var part: (adapter: Adapter, weight: Double, label: String) { (loaded.adapter, weight, loaded.label) }

    /// Opens what `REF=WEIGHT` names: an adapter, or each of a stored stack, its weight times that one.
    static func open(_ text: String, options: GlobalOptions) throws -> [StackedAdapter] {
        let weighted = try WeightedReference(parsing: text)
        if case .reference(let reference) = weighted.subject {
            let registry = try options.openRegistry(.readOnly)
            let stored = try registry.resolve(reference)
            if stored.kind == .stack {
                return try registry.stack(stored).members.map { member in
                    let part = try registry.stored(member.digest, as: reference)
                    return StackedAdapter(
                        loaded: try LoadedAdapter(part, label: "\(weighted.text) (\(member.name))", in: registry),
                        weight: weighted.weight * member.weight)
                }
            }
        }
        return [
            StackedAdapter(
                loaded: try LoadedAdapter(weighted.subject, label: weighted.text, options: options),
                weight: weighted.weight)
        ]
    }
}
