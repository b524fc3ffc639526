internal import AdapterRegistry
internal import Adapters
internal import ByteCoding
internal import Integrity

/// A stack as text and as a document.
struct StackDescription {
    let stored: StoredAdapter
    let stack: StackDocument

    static func members(_ stack: StackDocument) -> MetadataValue {
        .array(
            stack.members.map { member in
                [
                    "name": .string(member.name), "digest": .string(member.digest.description),
                    "contentRoot": .string(member.contentRoot.description), "weight": MetadataValue(member.weight),
                ]
            })
    }

    var document: MetadataValue {
        [
            "kind": "stack", "digest": .string(stored.digest.description),
            "contentRoot": .string(stored.contentRoot.description), "base": stack.base.document,
            "message": MetadataValue(stack.message), "adapters": StackDescription.members(stack),
        ]
    }

    var text: String {
        """
        \(stored.reference), a stack of \(stack.members.count) adapters over \(Format.printable(stack.base.summary))
          digest        \(stored.digest)
          content root  \(stored.contentRoot)

        \(StackDescription.table(stack))
        """
    }

    /// The adapters of a stack for people.
    static func table(_ stack: StackDocument) -> String {
        var table = TextTable(["NAME", "WEIGHT", "DIGEST"], rightAligned: [1], fixed: [2], faint: [2])
        for member in stack.members {
            table.add([member.name, Format.number(member.weight), member.digest.abbreviated])
        }
        return table.text
    }
}
