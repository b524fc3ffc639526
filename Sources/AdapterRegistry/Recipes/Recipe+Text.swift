public import ByteCoding
import Yams

extension Recipe {
    /// A recipe's document as YAML, its keys in order.
    public static func yaml(_ document: MetadataValue) throws -> String {
        try Yams.serialize(node: node(document), width: -1, allowUnicode: true)
    }

    private static func node(_ value: MetadataValue) -> Node {
        switch value {
        case .null: Node("null")
        case .bool(let truth): Node(truth ? "true" : "false")
        case .integer(let number): Node("\(number)")
        case .double(let number): Node("\(number)")
        // Quoted: text that looks like a number stays text.
        case .string(let text): Node(text, .init(.str), .doubleQuoted)
        case .array(let elements): Node(elements.map(node))
        case .map(let entries):
            Node(entries.sorted { $0.key.precedesInUTF8($1.key) }.map { (Node($0.key, .init(.str)), node($0.value)) })
        }
    }
}
