/// The host and port of a registry, as a reference names it.
public struct RegistryHost: Hashable, Sendable, CustomStringConvertible {
    /// The longest host name in bytes (RFC 1035 section 2.3.4).
    public static let maximumNameByteCount = 255

    /// A domain name, an IPv4 address, or an IPv6 address in brackets; lowercase.
    public let name: String
    /// The port; nil when the scheme's own is meant.
    public let port: Int?

    /// Checks `host` or `host:port`.
    ///
    /// - Throws: ``OCIError`` with code `invalidReference`.
    public init(parsing text: String) throws(OCIError) {
        let bytes = Array(text.utf8.prefix(RegistryHost.maximumNameByteCount + 10))
        var name = bytes[...]
        var digits: ArraySlice<UInt8>?
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else {
                throw .invalidReference(text, "']' is missing after the IPv6 address.", "host")
            }
            name = bytes[...close]
            let rest = bytes[(close + 1)...]
            guard rest.isEmpty || rest.first == UInt8(ascii: ":") else {
                throw .invalidReference(text, "only ':' and a port may follow ']'.", "host")
            }
            digits = rest.isEmpty ? nil : rest.dropFirst()
            guard name.count > 3, name.dropFirst().dropLast().allSatisfy(isAddressByte) else {
                throw .invalidReference(text, "the IPv6 address may hold only digits, 'a' to 'f', ':' and '.'.", "host")
            }
        } else {
            if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
                name = bytes[..<colon]
                digits = bytes[(colon + 1)...]
            }
            let labels = name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard name.count <= RegistryHost.maximumNameByteCount, labels.allSatisfy(isLabel) else {
                throw .invalidReference(
                    text, "a host has letters, digits and dashes, joined by dots, such as registry.example.com:5000.",
                    "host")
            }
        }
        if let digits {
            guard (1...5).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
                let port = Int(String(decoding: digits, as: UTF8.self)), (1...65535).contains(port)
            else { throw .invalidReference(text, "a port is a number from 1 to 65535.", "host") }
            self.port = port
        } else {
            port = nil
        }
        self.name = String(decoding: name, as: UTF8.self).lowercased()
    }

    /// `host` or `host:port`; parsing it gives the same host.
    public var description: String { port.map { "\(name):\($0)" } ?? name }

    /// Whether the host is this machine, by its name.
    public var isLoopback: Bool {
        if name == "localhost" || name.hasSuffix(".localhost") || name == "[::1]" { return true }
        let parts = name.split(separator: ".")
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

// RFC 1123 section 2.1, and underscores, which host names inside of companies have.
private func isLabel(_ bytes: ArraySlice<UInt8>) -> Bool {
    guard (1...63).contains(bytes.count), bytes.first != UInt8(ascii: "-"), bytes.last != UInt8(ascii: "-") else {
        return false
    }
    return bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

private func isAddressByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: ":"), UInt8(ascii: "."):
        true
    default: false
    }
}
