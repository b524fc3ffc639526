import AdapterRegistry
import Adapters
import ByteCoding
import Integrity

/// The Hub's JSON documents.
enum HubDocuments {
    /// A revision's name that never changes: forty hexadecimal digits, as Git's are.
    static func commit(_ stored: StoredAdapter) -> String { String(stored.digest.hexadecimal.prefix(40)) }

    /// Whether a text has the form of one.
    static func isCommit(_ text: String) -> Bool {
        text.utf8.count == 40
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
                default: false
                }
            }
    }

    /// What is known of a model; older clients fail when any of these fields is missing.
    static func model(_ name: String, _ stored: StoredAdapter, _ files: [ConvertedFiles.File]) -> MetadataValue {
        var tags: [MetadataValue] = ["peft", "safetensors", "lora"]
        if let base = stored.summary.base.name { tags.append(.string("base_model:adapter:\(base)")) }
        return [
            "_id": .string(String(stored.digest.hexadecimal.prefix(24))), "id": .string(name), "modelId": .string(name),
            "sha": .string(commit(stored)), "private": false, "gated": false, "disabled": false, "downloads": 0,
            "likes": 0, "tags": .array(tags), "library_name": "peft",
            "createdAt": .string(stored.createdAt.description), "lastModified": .string(stored.createdAt.description),
            "siblings": .array(files.map { ["rfilename": .string($0.name)] }),
        ]
    }

    /// A file in a tree. Files have no Git objects here: the name of one is the beginning of the SHA-256.
    static func file(_ file: ConvertedFiles.File) -> MetadataValue {
        let size = MetadataValue(file.byteCount)
        return [
            "type": "file", "path": .string(file.name), "size": size,
            "oid": .string(String(file.digest.hexadecimal.prefix(40))),
            "lfs": ["oid": .string(file.digest.hexadecimal), "size": size, "pointerSize": 134],
        ]
    }

    /// A model's tags.
    static func references(_ tags: [(name: String, commit: String)]) -> MetadataValue {
        [
            "branches": .array([]), "converts": .array([]),
            "tags": .array(
                tags.map { tag in
                    [
                        "name": .string(tag.name), "ref": .string("refs/tags/\(tag.name)"),
                        "targetCommit": .string(tag.commit),
                    ]
                }),
        ]
    }
}
