/// What a server wants to see before it answers: one challenge of a `WWW-Authenticate` header (RFC 9110 section 11.6.1).
struct Challenge: Hashable, Sendable {
    /// The scheme in lowercase, such as `bearer`.
    var scheme: String
    /// The parameters; names in lowercase.
    var parameters: [String: String]

    /// Reads all challenges of a header; what is malformed ends the list.
    static func parse(_ text: String) -> [Challenge] {
        var scanner = Scanner(rest: Array(text.utf8.prefix(8192))[...])
        var challenges: [Challenge] = []
        while challenges.count < 16 {
            scanner.skip(where: { $0 == UInt8(ascii: ",") || isSpace($0) })
            guard let word = scanner.token() else { return challenges }
            scanner.skip(where: isSpace)
            if scanner.rest.first == UInt8(ascii: "="), !challenges.isEmpty {
                scanner.rest.removeFirst()
                scanner.skip(where: isSpace)
                guard let value = scanner.value() else { return challenges }
                // The first of several values counts.
                let last = challenges.count - 1
                if challenges[last].parameters[word.lowercased()] == nil {
                    challenges[last].parameters[word.lowercased()] = value
                }
            } else {
                challenges.append(Challenge(scheme: word.lowercased(), parameters: [:]))
            }
        }
        return challenges
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func skip(where isSkipped: (UInt8) -> Bool) { rest = rest.drop(while: isSkipped) }

        mutating func token() -> String? {
            let word = rest.prefix { $0 > 0x20 && $0 < 0x7F && !"=,\"()<>@;:\\/[]?{}".utf8.contains($0) }
            guard !word.isEmpty else { return nil }
            rest = rest[word.endIndex...]
            return String(decoding: word, as: UTF8.self)
        }

        mutating func value() -> String? {
            guard rest.first == UInt8(ascii: "\"") else {
                // A token, generously: some servers leave the quotes of URLs out.
                let word = rest.prefix { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ",") }
                rest = rest[word.endIndex...]
                return String(decoding: word, as: UTF8.self)
            }
            rest.removeFirst()
            var value: [UInt8] = []
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "\"") { return String(validating: value, as: UTF8.self) }
                guard byte == UInt8(ascii: "\\") else {
                    value.append(byte)
                    continue
                }
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped)
            }
            return nil
        }
    }
}
