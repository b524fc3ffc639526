/// The path and the query of a request, decoded once.
struct Target: Sendable {
    /// The path's components, percent-decoded; a trailing slash gives an empty last one.
    let path: [String]
    private let items: [(name: String, value: String)]

    /// Nil for what is no path: wrong escapes, control characters, components that lead elsewhere.
    init?(_ text: String) {
        let parts = text.utf8.prefix { $0 != UInt8(ascii: "#") }
            .split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, first.first == UInt8(ascii: "/") else { return nil }
        var path: [String] = []
        for part in first.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard let component = Target.decode(part, plusIsSpace: false), component != ".", component != ".." else {
                return nil
            }
            path.append(component)
        }
        self.path = path
        var items: [(name: String, value: String)] = []
        for item in parts.count > 1 ? parts[1].split(separator: UInt8(ascii: "&")) : [] {
            let pair = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Target.decode(pair[0], plusIsSpace: true),
                let value = pair.count > 1 ? Target.decode(pair[1], plusIsSpace: true) : ""
            else { return nil }
            items.append((name, value))
        }
        self.items = items
    }

    /// The fields of a form or of a query.
    init?(query: String) {
        self.init("/?" + query)
    }

    /// The first value of a query's field.
    subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    /// All values of a query's field, in order.
    func values(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

    private static func decode(_ bytes: Substring.UTF8View, plusIsSpace: Bool) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    return nil
                }
                decoded.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: decoded.append(UInt8(ascii: " "))
            default: decoded.append(byte)
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self),
            !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { return nil }
        return text
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Text as a part of a path or of a query.
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
