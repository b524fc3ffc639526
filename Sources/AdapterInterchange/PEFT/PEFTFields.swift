import ByteCoding

/// Typed access to a configuration document; `null` counts as missing, as it does for PEFT.
struct PEFTFields {
    let document: [String: MetadataValue]

    func string(_ key: String) throws -> String? {
        try value(key, "a string", \.string)
    }

    func integer(_ key: String) throws -> Int? {
        try value(key, "an integer", \.integer)
    }

    func number(_ key: String) throws -> Double? {
        try value(key, "a number", \.number)
    }

    func flag(_ key: String) throws -> Bool {
        try value(key, "true or false", \.bool) ?? false
    }

    func map(_ key: String) throws -> [String: MetadataValue] {
        try value(key, "an object", \.map) ?? [:]
    }

    func strings(_ key: String) throws -> [String]? {
        try value(key, "a list of strings", \.array)?.map { element in
            guard let text = element.string else { throw PEFTFields.wrongType(key, "a list of strings") }
            return text
        }
    }

    private func value<T>(_ key: String, _ expected: String, _ read: (MetadataValue) -> T?) throws -> T? {
        guard let value = document[key], !value.isNull else { return nil }
        guard let typed = read(value) else { throw PEFTFields.wrongType(key, expected) }
        return typed
    }

    /// The error for an entry of another type.
    static func wrongType(_ key: String, _ expected: String) -> InterchangeError {
        InterchangeError(
            .invalidConfiguration, "the configuration's '\(key)' is not \(expected)",
            remedy: "Correct adapter_config.json.", name: key)
    }
}
