import AdapterRegistry
import ByteCoding

extension UserFile {
    /// Users with their rules and tokens, without anything secret, as a JSON document.
    public var jsonDocument: String {
        JSON.text(
            .array(
                users.values.sorted { $0.name < $1.name }.map { user in
                    .map([
                        "name": .string(user.name), "hasPassword": .bool(user.password != nil),
                        "rules": .array(user.rules.map { .string($0.description) }),
                        "tokens": .array(
                            tokens(of: user.name).map { token in
                                .map([
                                    "id": .string(token.id), "level": MetadataValue(token.level?.rawValue),
                                    "expiresAt": MetadataValue(token.expiresAt?.description),
                                ])
                            }),
                    ])
                }), indented: true)
    }

    /// The same as a table for people.
    public var table: String {
        users.values.sorted { $0.name < $1.name }.map { user in
            let rules = user.rules.map(\.description).joined(separator: " ")
            let tokens = tokens(of: user.name).map { token in
                "    token \(token.id)" + (token.level.map { ", \($0.rawValue) only" } ?? "")
                    + (token.expiresAt.map { ", until \($0)" } ?? "") + "\n"
            }.joined()
            return "\(user.name)  \(rules.isEmpty ? "no rules" : rules)"
                + (user.password == nil ? "  (tokens only)" : "") + "\n" + tokens
        }.joined()
    }

    private func tokens(of name: String) -> [Token] {
        tokens.values.filter { $0.user == name }.sorted { $0.id < $1.id }
    }
}
