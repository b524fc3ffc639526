public import ByteCoding
import FileSystem

/// A schema of `docs/schemas`, in the part of JSON Schema (draft 2020-12) that these use.
///
/// A keyword that is not known here is an error: a schema must not seem to demand what nobody checks.
public struct JSONSchema: Sendable {
    /// A schema that cannot be used, or a document that breaks one.
    public struct Fault: Error, CustomStringConvertible, Sendable {
        /// Where it is: a path of fields and indices.
        public let path: String
        /// What is wrong.
        public let reason: String

        /// The place, then what is wrong there.
        public var description: String { "\(path.isEmpty ? "the document" : path): \(reason)" }
    }

    /// The folder of the published schemas.
    public static let directory = Fixtures.directory + "/../../docs/schemas"

    let document: MetadataValue
    private let shared: MetadataValue

    /// Reads a schema by its name, such as `key-list`.
    public init(named name: String) throws {
        document = try JSONSchema.read(name)
        shared = try JSONSchema.read("definitions")
        try check(document, "")
        for (name, definition) in shared["$defs"]?.map ?? [:] { try check(definition, "$defs/\(name)") }
    }

    private static func read(_ name: String) throws -> MetadataValue {
        try JSON.parse(InputFile.contents(of: "\(directory)/\(name).json", limit: 1 << 20))
    }

    /// The forms that an output may have; one, unless the schema is a choice.
    public var alternatives: [MetadataValue] { document["anyOf"]?.array ?? [document] }

    /// What a document breaks; empty when it fits.
    public func faults(in value: MetadataValue) -> [Fault] { faults(value, document, "") }

    /// Whether a document has one of the forms.
    public func accepts(_ value: MetadataValue, as alternative: MetadataValue) -> Bool {
        faults(value, alternative, "").isEmpty
    }

    /// What a schema refers to.
    func resolved(_ schema: MetadataValue) -> MetadataValue {
        let prefix = "definitions.json#/$defs/"
        guard let reference = schema["$ref"]?.string, reference.hasPrefix(prefix) else { return schema }
        return shared["$defs"]?[String(reference.dropFirst(prefix.count))] ?? schema
    }

    // MARK: The schema itself

    private static let keywords: Set<String> = [
        "$schema", "title", "description", "$ref", "type", "enum", "const", "pattern", "minimum", "properties",
        "required", "additionalProperties", "items", "maxItems", "anyOf",
    ]

    private func check(_ schema: MetadataValue, _ path: String) throws {
        guard let entries = schema.map else {
            guard schema.bool != nil else { throw Fault(path: path, reason: "is no schema") }
            return
        }
        for key in entries.keys where !JSONSchema.keywords.contains(key) {
            throw Fault(path: path, reason: "the keyword '\(key)' is not known")
        }
        if entries["$ref"] != nil, resolved(schema) == schema { throw Fault(path: path, reason: "refers to nothing") }
        if let properties = entries["properties"]?.map {
            guard entries["additionalProperties"] == false else { throw Fault(path: path, reason: "is not strict") }
            for name in entries["required"]?.array?.compactMap(\.string) ?? [] where properties[name] == nil {
                throw Fault(path: path, reason: "requires '\(name)', which it does not have")
            }
            for (name, property) in properties {
                guard resolved(property)["description"] != nil || property["description"] != nil else {
                    throw Fault(path: "\(path)/\(name)", reason: "is not described")
                }
                try check(property, "\(path)/\(name)")
            }
        }
        if let pattern = entries["pattern"]?.string { _ = try Regex(pattern) }
        for key in ["items", "additionalProperties"] { try entries[key].map { try check($0, "\(path)/\(key)") } }
        for alternative in entries["anyOf"]?.array ?? [] { try check(alternative, path) }
    }

    // MARK: Documents

    private func faults(_ value: MetadataValue, _ schema: MetadataValue, _ path: String) -> [Fault] {
        let schema = resolved(schema)
        guard let entries = schema.map else {
            return schema == false ? [Fault(path: path, reason: "is not allowed")] : []
        }
        var faults: [Fault] = []
        func fault(_ reason: String) { faults.append(Fault(path: path, reason: reason)) }
        if let type = entries["type"] {
            let types = type.array?.compactMap(\.string) ?? [type.string ?? ""]
            guard types.contains(where: { JSONSchema.isOfType(value, $0) }) else {
                return [Fault(path: path, reason: "is \(JSON.text(value).prefix(60)), expected \(types)")]
            }
        }
        if let values = entries["enum"]?.array, !values.contains(value) {
            fault("is none of \(JSON.text(.array(values)))")
        }
        if let expected = entries["const"], value != expected { fault("is not \(JSON.text(expected))") }
        if let pattern = entries["pattern"]?.string, let text = value.string,
            (try? Regex(pattern).firstMatch(in: text)) == nil
        {
            fault("'\(text)' does not match \(pattern)")
        }
        if let least = entries["minimum"]?.number, let number = value.number, number < least {
            fault("\(number) is below \(least)")
        }
        if let most = entries["maxItems"]?.integer, let elements = value.array, elements.count > most {
            fault("has \(elements.count) elements, at most \(most) are allowed")
        }
        if let items = entries["items"], let elements = value.array {
            for (index, element) in elements.enumerated() { faults += self.faults(element, items, "\(path)/\(index)") }
        }
        if let fields = value.map { faults += self.faults(in: fields, entries, path) }
        if let alternatives = entries["anyOf"]?.array {
            let found = alternatives.map { self.faults(value, $0, path) }
            if !found.contains(where: \.isEmpty), let nearest = found.min(by: { $0.count < $1.count }) {
                faults += nearest
            }
        }
        return faults
    }

    private func faults(
        in fields: [String: MetadataValue], _ schema: [String: MetadataValue], _ path: String
    ) -> [Fault] {
        var faults: [Fault] = []
        let properties = schema["properties"]?.map ?? [:]
        for name in schema["required"]?.array?.compactMap(\.string) ?? [] where fields[name] == nil {
            faults.append(Fault(path: path, reason: "lacks '\(name)'"))
        }
        for (name, field) in fields {
            if let property = properties[name] {
                faults += self.faults(field, property, "\(path)/\(name)")
            } else if let others = schema["additionalProperties"] {
                faults += self.faults(field, others, "\(path)/\(name)")
            }
        }
        return faults
    }

    private static func isOfType(_ value: MetadataValue, _ type: String) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .map): true
        case ("number", .integer), ("number", .double), ("integer", .integer): true
        case ("integer", .double(let number)): number == number.rounded()
        default: false
        }
    }
}
