public import Adapters
import ByteCoding
import FileSystem
public import Integrity

/// A named set of adapters with weights over one base that stays apart, for servers that load several at once.
///
/// Stored as canonical JSON (sorted keys, no white space), whose SHA-256 is the stack's digest.
public struct StackDocument: Hashable, Sendable {
    /// One adapter of a stack.
    public struct Member: Hashable, Sendable {
        /// What servers and folders call it; differs from all others.
        public var name: String
        /// The digest of its file.
        public var digest: Digest
        /// Its identity.
        public var contentRoot: Digest
        /// What its weight change is multiplied by.
        public var weight: Double

        /// Creates a member.
        public init(name: String, digest: Digest, contentRoot: Digest, weight: Double) {
            self.name = name
            self.digest = digest
            self.contentRoot = contentRoot
            self.weight = weight
        }
    }

    private static let type = "adapterctl-stack-v1"
    private static let maximumByteCount = 1 << 20

    /// The adapters, in the order in which they were named.
    public let members: [Member]
    /// The base model that all of them change.
    public let base: BaseModel
    /// What the stack is, in a sentence.
    public let message: String?

    /// Creates a stack.
    ///
    /// - Throws: ``RegistryError`` with code `invalidRecipe` for none, for names that are used twice or are no names of
    ///   folders, and for weights that are not finite.
    public init(members: [Member], base: BaseModel, message: String? = nil) throws {
        func invalid(_ reason: String) -> RegistryError {
            RegistryError(.invalidRecipe, "Unable to make a stack: \(reason)")
        }
        guard (1...1000).contains(members.count) else {
            throw invalid("it has \(members.count) adapters, 1 to 1000 are possible.")
        }
        for member in members {
            guard member.weight.isFinite else {
                throw invalid("the weight of '\(member.name)' is \(member.weight), a finite number is needed.")
            }
            do throws(RegistryError) {
                _ = try Tag(parsing: member.name)
            } catch {
                throw invalid(
                    "'\(member.name.prefix(80))' cannot be a folder's name. Use letters, digits, '.', '_' or '-'.")
            }
        }
        guard Set(members.map(\.name)).count == members.count else {
            throw invalid("two adapters have the same name. Give each its own.")
        }
        self.members = members
        self.base = base
        self.message = message
    }

    /// The file's content.
    public var text: String { JSON.text(document(withDigests: true)) }

    /// The stack's identity: as its digest, but that a signature on a member changes nothing.
    public var contentRoot: Digest { SHA256.hash(Array(JSON.text(document(withDigests: false)).utf8)) }

    private func document(withDigests: Bool) -> MetadataValue {
        var entries: [String: MetadataValue] = [
            "type": .string(StackDocument.type), "base": base.metadata,
            "adapters": .array(
                members.map { member in
                    var entries: [String: MetadataValue] = [
                        "name": .string(member.name), "contentRoot": .string(member.contentRoot.description),
                        "weight": MetadataValue(member.weight),
                    ]
                    if withDigests { entries["digest"] = .string(member.digest.description) }
                    return .map(entries)
                }),
        ]
        if withDigests { entries["message"] = message.map { .string($0) } }
        return .map(entries)
    }

    /// Reads a stored stack.
    ///
    /// - Throws: ``RegistryError`` with code `damagedBlob`.
    public init(readingFile path: String) throws {
        let damaged = RegistryError(
            .damagedBlob, "Unable to read the stack '\(path)': it does not have the form of one. Restore it.")
        let document: MetadataValue
        do {
            document = try JSON.parse(InputFile.contents(of: path, limit: StackDocument.maximumByteCount))
        } catch is ByteCodingError {
            throw damaged
        }
        guard document["type"]?.string == StackDocument.type, let base = document["base"]?.map,
            let adapters = document["adapters"]?.array
        else { throw damaged }
        let members = try adapters.map { entry -> Member in
            guard let name = entry["name"]?.string, let weight = entry["weight"]?.number,
                let digest = entry["digest"]?.string.flatMap(Digest.init(parsing:)),
                let contentRoot = entry["contentRoot"]?.string.flatMap(Digest.init(parsing:))
            else { throw damaged }
            return Member(name: name, digest: digest, contentRoot: contentRoot, weight: weight)
        }
        try self.init(
            members: members,
            base: BaseModel(
                name: base["name"]?.string, revision: base["revision"]?.string,
                digest: base["digest"]?.string.flatMap(Digest.init(parsing:))),
            message: document["message"]?.string)
    }

    /// Reads a stored file if it is a stack and not an adapter file, which never begins with a brace.
    init?(ifStackAt path: String) throws {
        let file = try InputFile(opening: path)
        guard file.byteCount > 0, try file.read(at: 0, count: 1) == [UInt8(ascii: "{")] else { return nil }
        try self.init(readingFile: path)
    }

    /// What the catalog keeps of it.
    func record(digest: Digest) -> AdapterRecord {
        AdapterRecord(
            digest: digest, contentRoot: contentRoot, byteCount: text.utf8.count,
            summary: AdapterSummary(
                base: BaseModel(
                    name: base.name?.withoutNull, revision: base.revision?.withoutNull, digest: base.digest),
                ranks: nil, alphas: nil, dtypes: [], parameterCount: 0, moduleCount: 0, tensorByteCount: 0,
                targetModules: [], message: message?.withoutNull, license: nil, labels: [:], operation: "stack"),
            parents: members.map {
                Provenance.Parent(digest: $0.digest, contentRoot: $0.contentRoot, role: "member", weight: $0.weight)
            }, kind: .stack)
    }
}

extension BaseModel {
    fileprivate var metadata: MetadataValue {
        var entries: [String: MetadataValue] = [:]
        entries["name"] = name.map { .string($0) }
        entries["revision"] = revision.map { .string($0) }
        entries["digest"] = digest.map { .string($0.description) }
        return .map(entries)
    }
}
