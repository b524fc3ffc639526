internal import Tensors

/// Elements to byte planes and back (spec clause 8.8). Plane 0 is the most significant byte of each element.
enum ByteTransposition {
    /// Writes the planes of a chunk one after the other.
    static func split(_ chunk: [UInt8], dtype: DType, into planes: inout [UInt8]) {
        unsafe chunk.withUnsafeBytes { source in
            unsafe planes.withUnsafeMutableBytes { target in
                guard let input = source.baseAddress, let output = target.baseAddress else { return }
                let count = source.count / dtype.byteCount
                switch dtype {
                case .f16, .bf16: unsafe splitHalves(input, output, count)
                case .f32: unsafe splitWords(input, output, count, rotates: true)
                case .i32: unsafe splitWords(input, output, count, rotates: false)
                case .f8e4m3, .f8e5m2, .i8, .u8, .q8: unsafe output.copyMemory(from: input, byteCount: count)
                }
            }
        }
    }

    /// The chunk of the given planes.
    static func join(_ planes: [UInt8], dtype: DType, byteCount: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            unsafe planes.withUnsafeBytes { source in
                guard let input = source.baseAddress, let start = buffer.baseAddress else { return }
                let output = UnsafeMutableRawPointer(start)
                let count = byteCount / dtype.byteCount
                switch dtype {
                case .f16, .bf16: unsafe joinHalves(input, output, count)
                case .f32: unsafe joinWords(input, output, count, rotates: true)
                case .i32: unsafe joinWords(input, output, count, rotates: false)
                case .f8e4m3, .f8e5m2, .i8, .u8, .q8: unsafe output.copyMemory(from: input, byteCount: count)
                }
            }
            initialized = byteCount
        }
    }

    private static func splitHalves(_ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, _ count: Int) {
        let high = unsafe output.assumingMemoryBound(to: UInt8.self)
        let low = unsafe high + count
        for index in 0..<count {
            let bits = UInt16(littleEndian: unsafe input.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
            let rotated = bits << 1 | bits >> 15
            unsafe high[index] = UInt8(truncatingIfNeeded: rotated >> 8)
            unsafe low[index] = UInt8(truncatingIfNeeded: rotated)
        }
    }

    private static func joinHalves(_ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, _ count: Int) {
        let high = unsafe input.assumingMemoryBound(to: UInt8.self)
        let low = unsafe high + count
        for index in 0..<count {
            let rotated = unsafe UInt16(high[index]) << 8 | UInt16(low[index])
            let bits = rotated >> 1 | rotated << 15
            unsafe output.storeBytes(of: bits.littleEndian, toByteOffset: 2 * index, as: UInt16.self)
        }
    }

    private static func splitWords(
        _ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, _ count: Int, rotates: Bool
    ) {
        let planes = unsafe output.assumingMemoryBound(to: UInt8.self)
        for index in 0..<count {
            let bits = UInt32(littleEndian: unsafe input.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
            var upper = UInt16(truncatingIfNeeded: bits >> 16)
            if rotates { upper = upper << 1 | upper >> 15 }
            unsafe planes[index] = UInt8(truncatingIfNeeded: upper >> 8)
            unsafe planes[count + index] = UInt8(truncatingIfNeeded: upper)
            unsafe planes[2 * count + index] = UInt8(truncatingIfNeeded: bits >> 8)
            unsafe planes[3 * count + index] = UInt8(truncatingIfNeeded: bits)
        }
    }

    private static func joinWords(
        _ input: UnsafeRawPointer, _ output: UnsafeMutableRawPointer, _ count: Int, rotates: Bool
    ) {
        let planes = unsafe input.assumingMemoryBound(to: UInt8.self)
        for index in 0..<count {
            var upper = unsafe UInt16(planes[index]) << 8 | UInt16(planes[count + index])
            if rotates { upper = upper >> 1 | upper << 15 }
            let lower = unsafe UInt16(planes[2 * count + index]) << 8 | UInt16(planes[3 * count + index])
            let bits = UInt32(upper) << 16 | UInt32(lower)
            unsafe output.storeBytes(of: bits.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
        }
    }
}
