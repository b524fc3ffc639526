import ByteCoding

/// Reads the fields of one JSON object of a document that somebody else wrote.
///
/// Fields that are absent or null are the same; a field of another type is an error. What nobody asks for is ignored,
/// as the specification demands.
struct JSONFields {
    let kind: String
    let fields: [String: MetadataValue]

    /// Parses a document of at most `limit` bytes.
    init(parsing bytes: [UInt8], kind: String, limit: Int) throws(OCIError) {
        guard bytes.count <= limit else {
            throw OCIError(
                .tooLarge, "Unable to read the \(kind): it has \(bytes.count) bytes, at most \(limit) are accepted.")
        }
        let value: MetadataValue
        do throws(ByteCodingError) {
            value = try JSON.parse(bytes, approximatesLargeIntegers: true)
        } catch {
            throw .invalidDocument(kind, error.description.printable(), cause: error)
        }
        try self.init(value, kind: kind)
    }

    init(_ value: MetadataValue, kind: String) throws(OCIError) {
        guard case .map(let fields) = value else { throw .invalidDocument(kind, "it is not a JSON object.") }
        self.kind = kind
        self.fields = fields
    }

    /// The field, nil when it is absent or null.
    func value(_ name: String) -> MetadataValue? {
        guard let value = fields[name], !value.isNull else { return nil }
        return value
    }

    func string(_ name: String) throws(OCIError) -> String? {
        guard let value = value(name) else { return nil }
        guard let string = value.string else { throw wrongType(name, "text") }
        return string
    }

    func integer(_ name: String) throws(OCIError) -> Int? {
        guard let value = value(name) else { return nil }
        guard let integer = value.integer else { throw wrongType(name, "an integer") }
        return integer
    }

    func array(_ name: String) throws(OCIError) -> [MetadataValue]? {
        guard let value = value(name) else { return nil }
        guard let array = value.array else { throw wrongType(name, "a list") }
        return array
    }

    /// A map from text to text.
    func strings(_ name: String) throws(OCIError) -> [String: String] {
        guard let value = value(name) else { return [:] }
        guard let map = value.map else { throw wrongType(name, "an object") }
        var strings: [String: String] = [:]
        for (key, value) in map {
            guard let string = value.string else { throw wrongType(name, "an object of texts") }
            strings[key] = string
        }
        return strings
    }

    func mediaType(_ name: String) throws(OCIError) -> MediaType? {
        guard let text = try string(name), !text.isEmpty else { return nil }
        return try MediaType(parsing: text)
    }

    func descriptor(_ name: String) throws(OCIError) -> Descriptor? {
        guard let value = value(name) else { return nil }
        return try Descriptor(value)
    }

    func descriptors(_ name: String) throws(OCIError) -> [Descriptor] {
        guard let elements = try array(name) else { throw missing(name) }
        var descriptors: [Descriptor] = []
        descriptors.reserveCapacity(elements.count)
        for element in elements { descriptors.append(try Descriptor(element)) }
        return descriptors
    }

    /// Throws unless `schemaVersion` is 2.
    func checkSchemaVersion() throws(OCIError) {
        let version = try integer("schemaVersion")
        guard version == 2 else {
            throw invalid("'schemaVersion' is \(version.map(String.init) ?? "missing"), 2 is expected.")
        }
    }

    /// The fields that `known` does not name.
    func others(than known: Set<String>) -> [String: MetadataValue] { fields.filter { !known.contains($0.key) } }

    func missing(_ name: String) -> OCIError { invalid("'\(name)' is missing.") }

    func invalid(_ reason: String) -> OCIError { .invalidDocument(kind, reason) }

    private func wrongType(_ name: String, _ expected: String) -> OCIError { invalid("'\(name)' is not \(expected).") }
}

extension MetadataValue {
    /// An object of the entries that have a value; equal documents have equal bytes.
    static func object(_ entries: KeyValuePairs<String, MetadataValue?>, others: [String: MetadataValue] = [:])
        -> MetadataValue
    {
        var map = others
        for (key, value) in entries { if let value { map[key] = value } }
        return .map(map)
    }

    /// An object of texts; nil when there are none.
    static func strings(_ strings: [String: String]) -> MetadataValue? {
        strings.isEmpty ? nil : .map(strings.mapValues { .string($0) })
    }

    /// The document's bytes: keys sorted, no white space.
    var canonicalBytes: [UInt8] { Array(JSON.text(self).utf8) }
}
