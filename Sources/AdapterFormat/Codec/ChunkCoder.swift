internal import Glibc
internal import Synchronization
internal import Tensors

/// Turns chunks into encoded bytes by the fixed rule of spec section 10, and back.
///
/// Holds the codecs' working memory, so one coder serves one thread at a time: ``withCoder(_:)`` lends it out.
///
/// Unchecked, because a coder is either in the pool's locked list or in the hands of the one thread that took it.
final class ChunkCoder: @unchecked Sendable {
    private static let idle = Mutex<[ChunkCoder]>([])

    /// Lends a coder to the current thread.
    static func withCoder<Result>(_ body: (ChunkCoder) throws -> Result) rethrows -> Result {
        let coder = idle.withLock { $0.popLast() } ?? ChunkCoder()
        defer { idle.withLock { $0.append(coder) } }
        return try body(coder)
    }

    private let compressor = ZstdCompressor()
    private let decompressor = ZstdDecompressor()
    /// Room for the planes of one chunk.
    private var scratch: [UInt8] = []

    private init() {}

    private func growScratch(to byteCount: Int) {
        if scratch.count < byteCount { scratch = [UInt8](repeating: 0, count: byteCount) }
    }

    /// Encodes a chunk that is not empty.
    ///
    /// - Parameter preference: what to try when the chunk is not constant.
    func encode(_ chunk: [UInt8], dtype: DType, preference: WritingCodec) throws -> EncodedChunk {
        let elementByteCount = dtype.byteCount
        if ConstantCodec.isConstant(chunk, elementByteCount: elementByteCount) {
            return EncodedChunk(codec: .constant, bytes: Array(chunk[..<elementByteCount]))
        }
        switch preference {
        case .raw: break
        case .zstd:
            if let frame = try compress(chunk) { return EncodedChunk(codec: .zstd, bytes: frame) }
        case .planes:
            growScratch(to: chunk.count)
            if let planes = try PlanesCodec.encode(chunk, dtype: dtype, compressor: compressor, scratch: &scratch) {
                return EncodedChunk(codec: .planes, bytes: planes)
            }
        }
        return EncodedChunk(codec: .raw, bytes: chunk)
    }

    /// Decodes bytes whose digest has been checked.
    ///
    /// - Throws: ``FormatError`` with code `malformedChunk` when they do not decode to exactly `byteCount` bytes.
    func decode(_ chunk: EncodedChunk, byteCount: Int, dtype: DType) throws -> [UInt8] {
        let elementByteCount = dtype.byteCount
        switch chunk.codec {
        case .raw:
            guard chunk.bytes.count == byteCount else {
                throw FormatError(
                    .malformedChunk, "A raw chunk has \(chunk.bytes.count) bytes, \(byteCount) are expected.")
            }
            return chunk.bytes
        case .constant:
            guard chunk.bytes.count == elementByteCount else {
                throw FormatError(
                    .malformedChunk,
                    "A constant chunk has \(chunk.bytes.count) bytes, one element of \(elementByteCount) is expected.")
            }
            return ConstantCodec.expand(chunk.bytes, byteCount: byteCount)
        case .planes:
            growScratch(to: byteCount)
            return try PlanesCodec.decode(
                chunk.bytes, byteCount: byteCount, dtype: dtype, decompressor: decompressor, scratch: &scratch)
        case .zstd:
            return try unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
                try unsafe chunk.bytes.withUnsafeBytes { frame in
                    let target = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<byteCount])
                    try unsafe decompressor.decompress(frame, into: target)
                }
                initialized = byteCount
            }
        }
    }

    /// The chunk as one frame, or nil when that would not be shorter.
    private func compress(_ chunk: [UInt8]) throws -> [UInt8]? {
        var byteCount: Int?
        let frame = try unsafe [UInt8](unsafeUninitializedCapacity: chunk.count) { buffer, initialized in
            let target = unsafe UnsafeMutableRawBufferPointer(
                rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(chunk.count - 1)])
            byteCount = try unsafe chunk.withUnsafeBytes { try unsafe compressor.compress($0, into: target, .fast) }
            initialized = byteCount ?? 0
        }
        return byteCount == nil ? nil : frame
    }
}

/// Chunks whose elements all have the same bits: fresh adapters' B, magnitudes of ones.
enum ConstantCodec {
    static func isConstant(_ chunk: [UInt8], elementByteCount: Int) -> Bool {
        unsafe chunk.withUnsafeBytes { bytes in
            // The chunk equals itself one element further on.
            guard let start = bytes.baseAddress else { return false }
            return unsafe memcmp(start, start + elementByteCount, bytes.count - elementByteCount) == 0
        }
    }

    static func expand(_ element: [UInt8], byteCount: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        bytes += element
        // What is there is appended to itself until it is long enough.
        while bytes.count < byteCount { bytes += bytes.prefix(byteCount - bytes.count) }
        return bytes
    }
}
