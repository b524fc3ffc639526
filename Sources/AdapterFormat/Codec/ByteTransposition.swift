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

    /// The chunk of the given planes: as many as an element has bytes, each with a byte for each element.
    static func join(_ planes: [UnsafeRawBufferPointer], dtype: DType, byteCount: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
            let inputs = unsafe planes.compactMap { unsafe $0.baseAddress?.assumingMemoryBound(to: UInt8.self) }
            guard unsafe inputs.count == dtype.byteCount, let start = buffer.baseAddress else { return }
            let output = UnsafeMutableRawPointer(start)
            let count = byteCount / dtype.byteCount
            switch dtype {
            case .f16, .bf16: unsafe joinHalves(inputs[0], inputs[1], output, count)
            case .f32: unsafe joinWords(inputs[0], inputs[1], inputs[2], inputs[3], output, count, rotates: true)
            case .i32: unsafe joinWords(inputs[0], inputs[1], inputs[2], inputs[3], output, count, rotates: false)
            case .f8e4m3, .f8e5m2, .i8, .u8, .q8: unsafe output.copyMemory(from: inputs[0], byteCount: count)
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

    private static func joinHalves(
        _ high: UnsafePointer<UInt8>, _ low: UnsafePointer<UInt8>, _ output: UnsafeMutableRawPointer, _ count: Int
    ) {
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
        _ first: UnsafePointer<UInt8>, _ second: UnsafePointer<UInt8>, _ third: UnsafePointer<UInt8>,
        _ fourth: UnsafePointer<UInt8>, _ output: UnsafeMutableRawPointer, _ count: Int, rotates: Bool
    ) {
        for index in 0..<count {
            var upper = unsafe UInt16(first[index]) << 8 | UInt16(second[index])
            if rotates { upper = upper >> 1 | upper << 15 }
            let lower = unsafe UInt16(third[index]) << 8 | UInt16(fourth[index])
            let bits = UInt32(upper) << 16 | UInt32(lower)
            unsafe output.storeBytes(of: bits.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
        }
    }
}
