import ByteCoding

/// Bytes spelled in hexadecimal digits, as standards print their test vectors.
public enum Hexadecimal {
    /// The bytes of an even number of digits.
    public static func bytes(_ digits: some StringProtocol) throws -> [UInt8] {
        let digits = Array(digits.utf8)
        return try stride(from: 0, to: digits.count, by: 2).map { index in
            guard index + 1 < digits.count,
                let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16)
            else { throw ByteCodingError(.invalidUTF8, "not hexadecimal", byteOffset: index) }
            return byte
        }
    }
}
