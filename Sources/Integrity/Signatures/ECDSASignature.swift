/// The two spellings of a P-256 signature: 64 bytes r ‖ s, and the DER of RFC 3279 that OpenSSL and others use.
package enum ECDSASignature {
    private static let integerByteCount = 32

    /// The DER of 64 bytes r ‖ s.
    package static func der(_ raw: [UInt8]) -> [UInt8] {
        let body = integer(raw.prefix(integerByteCount)) + integer(raw.dropFirst(integerByteCount))
        return [0x30, UInt8(body.count)] + body
    }

    /// The 64 bytes r ‖ s of a DER; nil for anything else.
    package static func raw(_ der: [UInt8]) -> [UInt8]? {
        guard der.count >= 2, der[0] == 0x30, Int(der[1]) == der.count - 2 else { return nil }
        var rest = der.dropFirst(2)
        var raw: [UInt8] = []
        for _ in 0..<2 {
            guard rest.count >= 3, rest.popFirst() == 0x02, let count = rest.popFirst(), count >= 1,
                Int(count) <= rest.count
            else { return nil }
            let digits = rest.prefix(Int(count)).drop { $0 == 0 }
            guard digits.count <= integerByteCount else { return nil }
            raw += [UInt8](repeating: 0, count: integerByteCount - digits.count) + digits
            rest = rest.dropFirst(Int(count))
        }
        // One text for one signature: what was read must be what would be written.
        return rest.isEmpty && self.der(raw) == der ? raw : nil
    }

    /// An INTEGER without needless zeros and with the one that keeps it positive.
    private static func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var digits = Array(bytes.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return [0x02, UInt8(digits.count)] + digits
    }
}
