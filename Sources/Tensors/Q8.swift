/// Elements in blocks of 32 with a common scale (spec clause 7.6), as ggml's Q8_0.
///
/// A block is a binary16 scale d and 32 signed 8-bit codes; an element is d · code. The last block is filled up with
/// codes of 0.
package enum Q8 {
    /// The elements of a block.
    package static let blockElementCount = 32
    /// The bytes of a block.
    package static let blockByteCount = 34
    /// The largest code that is written; −128 is read but never written.
    package static let largestCode = 127.0

    /// The elements of whole blocks, those that fill up the last one included.
    static func doubles(_ bytes: [UInt8]) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(bytes.count / blockByteCount * blockElementCount)
        for start in stride(from: 0, to: bytes.count - blockByteCount + 1, by: blockByteCount) {
            let scale = Double(Widening.float(binary16: UInt16(bytes[start]) | UInt16(bytes[start + 1]) << 8))
            for code in bytes[start + 2..<start + blockByteCount] {
                values.append(scale * Double(Int8(bitPattern: code)))
            }
        }
        return values
    }

    /// Whether no scale of whole blocks is infinite or NaN; such a scale leaves no element finite.
    static func areFinite(_ bytes: [UInt8]) -> Bool {
        stride(from: 1, to: bytes.count, by: blockByteCount).allSatisfy { bytes[$0] & 0x7C != 0x7C }
    }

    /// Whole blocks of the values.
    ///
    /// The scale is the largest magnitude over 127, rounded to binary16; each code is the nearest, ties to even. A block
    /// with a value that is not finite becomes NaN throughout: a code has no room for it.
    ///
    /// - Throws: ``TensorError`` with code `overflow` when a scale exceeds binary16.
    static func bytes(_ values: [Double]) throws(TensorError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(DType.q8.byteCount(ofElements: values.count))
        for start in stride(from: 0, to: values.count, by: blockElementCount) {
            let block = values[start..<min(start + blockElementCount, values.count)]
            let isFinite = block.allSatisfy(\.isFinite)
            let largest = block.reduce(0) { max($0, $1.magnitude) }
            let scale = isFinite ? Float16(largest / largestCode) : .nan
            guard !scale.isInfinite else { throw Rounding.overflow(largest, .q8) }
            let divisor = Double(scale)
            let pattern = scale.bitPattern
            bytes.append(UInt8(truncatingIfNeeded: pattern))
            bytes.append(UInt8(truncatingIfNeeded: pattern >> 8))
            for value in block {
                let code = divisor > 0 ? (value / divisor).rounded(.toNearestOrEven) : 0
                // A scale that was rounded down may put the largest value just beyond its code.
                bytes.append(UInt8(bitPattern: Int8(min(max(code, -largestCode), largestCode))))
            }
            bytes.append(contentsOf: repeatElement(0, count: blockElementCount - block.count))
        }
        return bytes
    }
}
