import ByteCoding

/// What somebody may do with repositories whose names begin with a prefix.
public struct AccessRule: Hashable, Sendable, CustomStringConvertible {
    /// What may be done; each includes those before it.
    public enum Level: String, Sendable, CaseIterable, Comparable {
        /// List and pull.
        case read
        /// Also push, mount and move tags.
        case write
        /// Also delete.
        case admin

        /// `read` before `write` before `admin`.
        public static func < (left: Level, right: Level) -> Bool { left.order < right.order }

        private var order: Int { self == .read ? 0 : self == .write ? 1 : 2 }
    }

    /// Whole components of a name; empty stands for every repository.
    public let prefix: String
    /// What may be done there.
    public let level: Level

    /// Creates a rule; nil when the prefix is none.
    public init?(prefix: String, level: Level) {
        let trimmed = prefix == "*" ? "" : prefix.hasSuffix("/*") ? String(prefix.dropLast(2)) : prefix
        let isName = trimmed.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "/"):
                true
            default: false
            }
        }
        guard isName, !trimmed.hasPrefix("/"), !trimmed.hasSuffix("/") else { return nil }
        self.prefix = trimmed
        self.level = level
    }

    /// Reads `level:prefix`, `write:team/a`; nil when it is none.
    public init?(parsing text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let level = Level(rawValue: String(parts[0])) else { return nil }
        self.init(prefix: parts.count > 1 ? String(parts[1]) : "*", level: level)
    }

    /// `level:prefix`.
    public var description: String { "\(level.rawValue):\(prefix.isEmpty ? "*" : prefix)" }

    /// Whether the rule is about a repository.
    func covers(_ repository: String) -> Bool {
        prefix.isEmpty || repository == prefix || repository.utf8.starts(with: "\(prefix)/".utf8)
    }
}

extension [AccessRule] {
    /// Whether any rule allows something with a repository.
    func allow(_ level: AccessRule.Level, _ repository: String) -> Bool {
        contains { $0.level >= level && $0.covers(repository) }
    }

    /// Whether any rule allows something with every repository.
    func allowEverywhere(_ level: AccessRule.Level) -> Bool { contains { $0.prefix.isEmpty && $0.level >= level } }
}
