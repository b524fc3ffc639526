/// Byte planes by the text of clause 8.8.
extension SpecFile {
    /// Plane p holds byte p of each element, the most significant first, after the rotation of floating-point numbers.
    static func planes(_ chunk: [UInt8], dtype: UInt8) -> [[UInt8]] {
        let size = elementByteCount(dtype) ?? 1
        var planes: [[UInt8]] = .init(repeating: [], count: size)
        for start in stride(from: 0, to: chunk.count, by: size) {
            var element = Array(chunk[start..<start + size].reversed())
            if [1, 2, 3].contains(dtype) {
                let upper = Int(element[0]) << 8 | Int(element[1])
                let rotated = (upper << 1 | upper >> 15) & 0xFFFF
                (element[0], element[1]) = (UInt8(rotated >> 8), UInt8(rotated & 0xFF))
            }
            for index in 0..<size { planes[index].append(element[index]) }
        }
        return planes
    }

    /// The chunk of given planes.
    static func chunk(_ planes: [[UInt8]], dtype: UInt8) -> [UInt8] {
        (0..<(planes.first?.count ?? 0)).flatMap { index in
            var element = planes.map { $0[index] }
            if [1, 2, 3].contains(dtype) {
                let rotated = Int(element[0]) << 8 | Int(element[1])
                let upper = rotated >> 1 | (rotated & 1) << 15
                (element[0], element[1]) = (UInt8(upper >> 8), UInt8(upper & 0xFF))
            }
            return Array(element.reversed())
        }
    }

    /// The decoded bytes of a chunk of planes.
    ///
    /// - Parameter expected: the chunk; taken for the planes that are zstd frames, which this reader does not decode.
    static func decodePlanes(_ encoded: [UInt8], dtype: UInt8, expected: [UInt8]) throws -> [UInt8] {
        let originals = planes(expected, dtype: dtype)
        let count = originals[0].count
        let modes = originals.indices.map { encoded[0] >> UInt8(2 * $0) & 3 }
        guard originals.count == 4 || encoded[0] >> UInt8(2 * originals.count) == 0, !modes.contains(3) else {
            throw SpecViolation("8.8")
        }
        var lengths: [Int] = []
        var position = 1
        for _ in modes.filter({ $0 == 2 }) {
            lengths.append((0..<3).reduce(0) { $0 | Int(encoded[position + $1]) << (8 * $1) })
            position += 3
        }
        var decoded: [[UInt8]] = []
        for (index, mode) in modes.enumerated() {
            let length = mode == 0 ? 1 : mode == 1 ? count : lengths.removeFirst()
            guard position + length <= encoded.count, mode != 2 || length < count else { throw SpecViolation("8.8") }
            let content = Array(encoded[position..<position + length])
            switch mode {
            case 0: decoded.append(.init(repeating: content[0], count: count))
            case 1: decoded.append(content)
            default:
                guard content.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) else { throw SpecViolation("8.9") }
                decoded.append(originals[index])
            }
            position += length
        }
        guard position == encoded.count else { throw SpecViolation("8.8") }
        return chunk(decoded, dtype: dtype)
    }
}
