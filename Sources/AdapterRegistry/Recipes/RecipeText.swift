import ByteCoding
import FileSystem
import Yams

/// Recipes as YAML, of which JSON is a part.
enum RecipeText {
    private static let maximumByteCount = 1 << 20
    private static let maximumDepth = 32

    /// Reads a document.
    ///
    /// - Throws: ``RegistryError`` with code `invalidRecipe`; `FileSystemError` when it cannot be read.
    static func read(_ path: String) throws -> MetadataValue {
        try parse(InputFile.contents(of: path, limit: maximumByteCount), named: path)
    }

    /// Parses a document.
    ///
    /// - Throws: ``RegistryError`` with code `invalidRecipe`.
    static func parse(_ bytes: [UInt8], named name: String) throws(RegistryError) -> MetadataValue {
        func invalid(_ reason: String) -> RegistryError {
            RegistryError(.invalidRecipe, "Unable to read the recipe '\(name)': \(reason)")
        }
        guard bytes.count <= maximumByteCount, let text = String(validating: bytes, as: UTF8.self) else {
            throw invalid("it is not UTF-8, or has more than \(maximumByteCount) bytes.")
        }
        // A few anchors suffice to write a document of any size; steps have names, so nobody needs them.
        guard !hasAnchor(bytes) else {
            throw invalid("it uses a YAML anchor ('&name'). Give the step a name under 'steps' and use that.")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw invalid("\(error). See 'compose --help' for the form.")
        }
        guard let node else { throw invalid("it is empty.") }
        do throws(RegistryError) {
            return try value(node, depth: 0)
        } catch {
            throw invalid(error.message)
        }
    }

    private static func hasAnchor(_ bytes: [UInt8]) -> Bool {
        let starts = Set(" \t\r\n[{,".utf8)
        return bytes.indices.contains { index in
            guard bytes[index] == UInt8(ascii: "&"), index + 1 < bytes.count, bytes[index + 1] > 0x20 else {
                return false
            }
            return index == 0 || starts.contains(bytes[index - 1])
        }
    }

    private static func value(_ node: Node, depth: Int) throws(RegistryError) -> MetadataValue {
        guard depth < maximumDepth else {
            throw RegistryError(.invalidRecipe, "it nests deeper than \(maximumDepth) levels.")
        }
        switch node {
        case .scalar(let scalar):
            // Only plain text can be something else than text.
            guard [.plain, .any].contains(scalar.style) else { return .string(scalar.string) }
            if node.null != nil { return .null }
            if let truth = node.bool { return .bool(truth) }
            if let integer = node.int { return MetadataValue(integer) }
            if let number = node.float {
                guard number.isFinite else {
                    throw RegistryError(.invalidRecipe, "'\(scalar.string.prefix(40))' is not a finite number.")
                }
                return MetadataValue(number)
            }
            return .string(scalar.string)
        case .sequence(let sequence):
            var elements: [MetadataValue] = []
            for element in sequence { elements.append(try value(element, depth: depth + 1)) }
            return .array(elements)
        case .mapping(let mapping):
            var entries: [String: MetadataValue] = [:]
            for (key, element) in mapping {
                guard case .scalar(let name) = key else {
                    throw RegistryError(.invalidRecipe, "a key is not text.")
                }
                guard entries.updateValue(try value(element, depth: depth + 1), forKey: name.string) == nil else {
                    throw RegistryError(.invalidRecipe, "the key '\(name.string.prefix(80))' occurs twice.")
                }
            }
            return .map(entries)
        case .alias: throw RegistryError(.invalidRecipe, "it uses a YAML alias.")
        }
    }
}
