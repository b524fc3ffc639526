public import ByteCoding

extension JSONSchema {
    /// Documents that differ from a valid one in one place so that they are valid no longer: a field is dropped that must
    /// be there, one is added, one has another type.
    ///
    /// Lists are changed in their first element.
    public func mutants(of value: MetadataValue) -> [(change: String, document: MetadataValue)] {
        mutants(value, document, "")
    }

    private func mutants(
        _ value: MetadataValue, _ schema: MetadataValue, _ path: String
    ) -> [(change: String, document: MetadataValue)] {
        let schema = resolved(schema)
        if let alternatives = schema["anyOf"]?.array {
            // An empty list fits several.
            let fitting = alternatives.filter { accepts(value, as: $0) }
            return fitting.count == 1 ? mutants(value, fitting[0], path) : []
        }
        if let items = schema["items"], let elements = value.array, let first = elements.first {
            return mutants(first, items, path + "/0").map { ($0.change, .array([$0.document] + elements.dropFirst())) }
        }
        guard let fields = value.map, let properties = schema["properties"]?.map else { return [] }
        let required = Set(schema["required"]?.array?.compactMap(\.string) ?? [])
        var result: [(change: String, document: MetadataValue)] = [
            ("\(path) with another field", .map(fields.merging(["unexpected": true]) { $1 }))
        ]
        for (name, field) in fields {
            guard let property = properties[name] else { continue }
            if required.contains(name) {
                result.append(("\(path) without \(name)", .map(fields.filter { $0.key != name })))
            }
            if resolved(property)["type"] != nil {
                let other: MetadataValue = field.map == nil ? ["mutant": true] : "mutant"
                result.append(("\(path)/\(name) of another type", .map(fields.merging([name: other]) { $1 })))
            }
            result += mutants(field, property, "\(path)/\(name)").map { mutant in
                (mutant.change, .map(fields.merging([name: mutant.document]) { $1 }))
            }
        }
        return result
    }
}
