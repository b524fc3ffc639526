internal import Glibc
internal import Tensors

/// Byte planes with the exponent realigned (spec clause 8.8): the bytes that vary little are put together, where entropy
/// coding finds them, and the mantissa's noise is left alone.
enum PlanesCodec {
    /// How a plane is stored, with the numbers of the mode byte.
    private enum Mode: UInt8 {
        case constant = 0
        case raw = 1
        case zstd = 2
    }

    /// A frame's length takes three bytes.
    private static let lengthByteCount = 3

    /// The encoded bytes, or nil when they would not be shorter than the chunk.
    ///
    /// - Parameter scratch: at least as long as the chunk.
    static func encode(_ chunk: [UInt8], dtype: DType, compressor: ZstdCompressor, scratch: inout [UInt8]) throws
        -> [UInt8]?
    {
        let planeCount = dtype.byteCount
        let count = chunk.count / planeCount
        ByteTransposition.split(chunk, dtype: dtype, into: &scratch)
        var modes: UInt8 = 0
        var isShorter = true
        let capacity = 1 + lengthByteCount * planeCount + chunk.count
        let encoded = try unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            let target = UnsafeMutableRawBufferPointer(buffer)
            var lengths: [Int] = []
            var contentStart = 1
            var position = 1
            try unsafe scratch.withUnsafeBytes { scratch in
                let planes = unsafe (0..<planeCount).map { index in
                    unsafe UnsafeRawBufferPointer(rebasing: scratch[index * count..<(index + 1) * count])
                }
                let plans = unsafe planes.map { unsafe Plan($0) }
                // Contents are written behind the lengths of all frames to be tried, and are moved up where one was not
                // shorter than its plane.
                contentStart += lengthByteCount * plans.count(where: \.isFrame)
                position = contentStart
                for (index, plan) in plans.enumerated() {
                    // All planes raw fill the buffer exactly, so there is always room.
                    let room = unsafe UnsafeMutableRawBufferPointer(rebasing: target[position..<capacity])
                    let stored = try unsafe store(planes[index], plan, into: room, compressor)
                    modes |= stored.mode.rawValue << UInt8(2 * index)
                    if stored.mode == .zstd { lengths.append(stored.byteCount) }
                    position += stored.byteCount
                }
            }
            let start = 1 + lengthByteCount * lengths.count
            guard position - contentStart + start < chunk.count else {
                isShorter = false
                return
            }
            unsafe target.storeBytes(of: modes, as: UInt8.self)
            for (index, length) in lengths.enumerated() {
                for byte in 0..<lengthByteCount {
                    unsafe target[1 + lengthByteCount * index + byte] = UInt8(truncatingIfNeeded: length >> (8 * byte))
                }
            }
            if start != contentStart, let base = target.baseAddress {
                unsafe memmove(base + start, base + contentStart, position - contentStart)
            }
            initialized = position - contentStart + start
        }
        return isShorter ? encoded : nil
    }

    /// How much of a plane tells its entropy: a plane of noise measures 7.99 bits a byte.
    private static let sampleByteCount = 16_384

    /// How a plane is to be stored by the rule of spec clause 10.3.
    private enum Plan {
        case constant(UInt8)
        case raw
        case frame(ZstdCompressor.Mode)

        init(_ plane: UnsafeRawBufferPointer) {
            guard let first = unsafe plane.first, let start = plane.baseAddress else {
                self = .raw
                return
            }
            if unsafe memcmp(start, start + 1, plane.count - 1) == 0 {
                self = .constant(first)
                return
            }
            let sample = unsafe UnsafeRawBufferPointer(rebasing: plane.prefix(sampleByteCount))
            let entropy = unsafe Entropy.bitsPerByte(of: sample)
            self = entropy > 7.95 ? .raw : .frame(entropy < 1.2 ? .fast : .huffman)
        }

        var isFrame: Bool {
            if case .frame = self { true } else { false }
        }
    }

    /// Stores one plane in a room that is at least as long as the plane; raw where a frame is not shorter.
    private static func store(
        _ plane: UnsafeRawBufferPointer, _ plan: Plan, into room: UnsafeMutableRawBufferPointer,
        _ compressor: ZstdCompressor
    ) throws -> (mode: Mode, byteCount: Int) {
        switch plan {
        case .constant(let byte):
            unsafe room.storeBytes(of: byte, as: UInt8.self)
            return (.constant, 1)
        case .frame(let mode):
            let limit = unsafe UnsafeMutableRawBufferPointer(rebasing: room.prefix(plane.count - 1))
            if let byteCount = try unsafe compressor.compress(plane, into: limit, mode) { return (.zstd, byteCount) }
        case .raw: break
        }
        unsafe room.copyMemory(from: plane)
        return (.raw, plane.count)
    }

    /// The chunk's bytes.
    ///
    /// - Parameter scratch: at least `byteCount` long.
    /// - Throws: ``FormatError`` with code `malformedChunk`.
    static func decode(
        _ encoded: [UInt8], byteCount: Int, dtype: DType, decompressor: ZstdDecompressor, scratch: inout [UInt8]
    ) throws -> [UInt8] {
        let planeCount = dtype.byteCount
        let count = byteCount / planeCount
        let modes = try modes(encoded, planeCount)
        let lengths = try lengths(encoded, frameCount: modes.filter { $0 == .zstd }.count, below: count)
        var position = 1 + lengthByteCount * lengths.count
        var nextLength = 0
        return try unsafe encoded.withUnsafeBytes { bytes in
            try unsafe scratch.withUnsafeMutableBytes { scratch in
                // Raw planes are joined from where they lie.
                var planes: [UnsafeRawBufferPointer] = unsafe []
                for (index, mode) in modes.enumerated() {
                    let stored: Int
                    switch mode {
                    case .constant: stored = 1
                    case .raw: stored = count
                    case .zstd:
                        stored = lengths[nextLength]
                        nextLength += 1
                    }
                    guard stored <= bytes.count - position else {
                        throw FormatError(.malformedChunk, "A chunk ends within its plane \(index).")
                    }
                    let content = unsafe UnsafeRawBufferPointer(rebasing: bytes[position..<position + stored])
                    let room = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: scratch[index * count..<(index + 1) * count])
                    switch mode {
                    case .constant:
                        if let start = room.baseAddress { unsafe memset(start, Int32(content[0]), count) }
                    case .raw: break
                    case .zstd: try unsafe decompressor.decompress(content, into: room)
                    }
                    unsafe planes.append(mode == .raw ? content : UnsafeRawBufferPointer(room))
                    position += stored
                }
                guard position == bytes.count else {
                    throw FormatError(.malformedChunk, "Bytes follow the last plane of a chunk.")
                }
                return unsafe ByteTransposition.join(planes, dtype: dtype, byteCount: byteCount)
            }
        }
    }

    private static func modes(_ encoded: [UInt8], _ planeCount: Int) throws -> [Mode] {
        guard let byte = encoded.first, planeCount == 4 || byte >> UInt8(2 * planeCount) == 0 else {
            throw FormatError(.malformedChunk, "A chunk states modes for more planes than its elements have bytes.")
        }
        return try (0..<planeCount).map { index in
            guard let mode = Mode(rawValue: byte >> UInt8(2 * index) & 3) else {
                throw FormatError(.malformedChunk, "Plane \(index) of a chunk has an unknown mode.")
            }
            return mode
        }
    }

    private static func lengths(_ encoded: [UInt8], frameCount: Int, below count: Int) throws -> [Int] {
        guard encoded.count >= 1 + lengthByteCount * frameCount else {
            throw FormatError(.malformedChunk, "A chunk ends within the lengths of its planes.")
        }
        return try (0..<frameCount).map { frame in
            let start = 1 + lengthByteCount * frame
            let length = (0..<lengthByteCount).reduce(0) { $0 | Int(encoded[start + $1]) << (8 * $1) }
            guard length < count else {
                throw FormatError(.malformedChunk, "A frame of \(length) bytes is not shorter than its plane.")
            }
            return length
        }
    }
}

/// The information in a run of bytes, taken as independent draws.
enum Entropy {
    /// Shannon's entropy of the byte distribution, 0 to 8.
    static func bitsPerByte(of bytes: UnsafeRawBufferPointer) -> Double {
        // Four tables side by side: equal bytes that follow each other would wait for the count of the one before.
        var tables = [UInt32](repeating: 0, count: 4 * 256)
        unsafe tables.withUnsafeMutableBufferPointer { tables in
            let whole = bytes.count & ~3
            for index in stride(from: 0, to: whole, by: 4) {
                unsafe tables[Int(bytes[index])] &+= 1
                unsafe tables[256 | Int(bytes[index + 1])] &+= 1
                unsafe tables[512 | Int(bytes[index + 2])] &+= 1
                unsafe tables[768 | Int(bytes[index + 3])] &+= 1
            }
            for index in whole..<bytes.count { unsafe tables[Int(bytes[index])] &+= 1 }
        }
        var counts = [UInt32](repeating: 0, count: 256)
        for index in 0..<tables.count { counts[index % 256] += tables[index] }
        let total = Double(bytes.count)
        return counts.reduce(0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / total
            return sum - share * log2(share)
        }
    }
}
