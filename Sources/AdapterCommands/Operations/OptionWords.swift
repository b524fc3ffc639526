internal import AdapterRegistry
internal import ByteCoding

/// Options of a recipe or a provenance record as the words of a command line.
enum OptionWords {
    /// `{allowDifferentBase: true, rank: 8}` as `--allow-different-base --rank=8`.
    ///
    /// Null and false leave an option out; a list repeats it.
    ///
    /// - Throws: `RegistryError` with code `invalidRecipe` for a name or a value that no command line can hold.
    static func arguments(_ options: [String: MetadataValue], of operation: String) throws -> [String] {
        try options.sorted { $0.key.precedesInUTF8($1.key) }.flatMap { name, value in
            guard !name.isEmpty, name.utf8.count <= 64, name.utf8.allSatisfy(isPartOfName) else {
                throw RegistryError(
                    .invalidRecipe,
                    "Unable to compose: '\(operation)' has no option '\(name.prefix(80))'. See '\(operation) --help'.")
            }
            return try words(value, name: name, operation)
        }
    }

    private static func words(_ value: MetadataValue, name: String, _ operation: String) throws -> [String] {
        let option = "--" + dashed(name)
        switch value {
        case .null, .bool(false): return []
        case .bool(true): return [option]
        case .integer(let number): return ["\(option)=\(number)"]
        case .double(let number): return ["\(option)=\(number)"]
        case .string(let text): return ["\(option)=\(text)"]
        case .array(let elements): return try elements.flatMap { try words($0, name: name, operation) }
        case .map:
            throw RegistryError(
                .invalidRecipe,
                "Unable to compose: the option '\(name)' of '\(operation)' is a map; a value or a list is expected.")
        }
    }

    private static func isPartOfName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// `allowDifferentBase` as `allow-different-base`.
    private static func dashed(_ name: String) -> String {
        name.reduce(into: "") { result, character in
            result += character.isUppercase ? "-\(character.lowercased())" : String(character)
        }
    }
}
