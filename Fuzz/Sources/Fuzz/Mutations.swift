import CFuzzer

/// Lets libFuzzer mutate a part of an input.
func mutated(_ bytes: [UInt8], maximumByteCount: Int) -> [UInt8] {
    let capacity = max(bytes.count, maximumByteCount, 1)
    return [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
        guard let start = buffer.baseAddress else { return }
        _ = buffer.initialize(fromContentsOf: bytes)
        initialized = LLVMFuzzerMutate(start, bytes.count, capacity)
    }
}

extension [UInt8] {
    /// The little-endian integer at an offset; 0 beyond the end.
    func integer<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T {
        guard offset >= 0, offset <= count - T.bitWidth / 8 else { return 0 }
        return (0..<T.bitWidth / 8).reduce(0) { $0 | T(truncatingIfNeeded: self[offset + $1]) << T(8 * $1) }
    }

    /// Overwrites bytes, as far as they lie within.
    mutating func overwrite(at offset: Int, with run: [UInt8]) {
        for (index, byte) in run.enumerated() where indices.contains(offset + index) { self[offset + index] = byte }
    }

    /// Overwrites a little-endian integer.
    mutating func overwrite<T: FixedWidthInteger>(at offset: Int, with value: T) {
        overwrite(at: offset, with: (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) })
    }

    /// The bytes of a range, as far as they lie within.
    func clamped(_ range: Range<Int>) -> [UInt8] { Array(self[range.clamped(to: 0..<count)]) }
}
