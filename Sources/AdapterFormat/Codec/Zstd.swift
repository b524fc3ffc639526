internal import CZstd

/// zstd frames (RFC 8878) with the content size and without checksum: the chunk has its own.
struct ZstdCompressor {
    /// How a frame is made.
    enum Mode: Hashable {
        /// Level 1: higher levels find false matches in noise and come out larger on trained weights.
        case fast
        /// Huffman coding of literals alone: the exponents of trained weights have a skewed distribution and no order,
        /// so looking for matches costs time and bytes.
        case huffman
    }

    /// Compresses `source` into `target` and returns the frame's length, or nil when the frame does not fit.
    ///
    /// Each frame has a context of its own: in one that has made other frames before, the library (1.5.4) can find
    /// matches that depend on them, and the same chunk must give the same bytes whichever thread takes it.
    func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, _ mode: Mode) throws
        -> Int?
    {
        let context = unsafe ZSTD_createCCtx()
        defer { _ = unsafe ZSTD_freeCCtx(context) }
        try unsafe set(mode, context)
        let result = unsafe ZSTD_compress2(
            context, target.baseAddress, target.count, source.baseAddress, source.count)
        guard ZSTD_isError(result) != 0 else { return result }
        guard ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall else { throw failure(result) }
        return nil
    }

    private func set(_ mode: Mode, _ context: OpaquePointer?) throws {
        // Experimental parameter 5 is ZSTD_c_literalCompressionMode, 0 automatic and 1 always. A library that refuses it
        // still makes valid frames, only less compact ones. The longest step between match searches leaves none: a
        // match found in noise costs more than it saves.
        let literals = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_experimentalParam5, mode == .fast ? 0 : 1)
        let isHuffman = mode == .huffman && ZSTD_isError(literals) == 0
        for (parameter, value) in [
            (ZSTD_c_compressionLevel, isHuffman ? -1000 : 1), (ZSTD_c_strategy, isHuffman ? 1 : 0),
            (ZSTD_c_targetLength, isHuffman ? 1 << 17 : 0), (ZSTD_c_minMatch, isHuffman ? 7 : 0),
        ] as [(ZSTD_cParameter, Int32)] {
            let result = unsafe ZSTD_CCtx_setParameter(context, parameter, value)
            guard ZSTD_isError(result) == 0 else { throw failure(result) }
        }
    }

    private func failure(_ code: Int) -> FormatError {
        FormatError(.notRepresentable, "Unable to compress a chunk: \(zstdErrorName(code)).")
    }
}

/// Decodes exactly one frame of a known content size; anything else is an error.
@safe
final class ZstdDecompressor {
    /// The magic number of RFC 8878. The library may also decode frames of formats before it, which are not allowed.
    private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    /// The window descriptor of 8 MiB; descriptors grow with what they describe.
    private static let largestWindow: UInt8 = 13 << 3
    private let context: OpaquePointer?

    init() { unsafe context = ZSTD_createDCtx() }

    deinit { _ = unsafe ZSTD_freeDCtx(context) }

    /// Fills `target` with the content of `frame` (spec clause 8.9).
    func decompress(_ frame: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws {
        let frameByteCount = unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
        guard unsafe frame.starts(with: ZstdDecompressor.magic), ZSTD_isError(frameByteCount) == 0,
            frameByteCount == frame.count
        else { throw FormatError(.malformedChunk, "A chunk is not one whole zstd frame.") }
        guard unsafe ZSTD_getDictID_fromFrame(frame.baseAddress, frame.count) == 0 else {
            throw FormatError(.malformedChunk, "A zstd frame needs a dictionary.")
        }
        // Without the single-segment flag a window descriptor follows (RFC 8878, section 3.1.1.1.2).
        guard unsafe frame[4] & 0x20 != 0 || frame[5] <= ZstdDecompressor.largestWindow else {
            throw FormatError(.malformedChunk, "A zstd frame needs a window of more than 8 MiB.")
        }
        let stated = unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
        guard stated == UInt64(target.count) else {
            throw FormatError(
                .malformedChunk, "A zstd frame does not state its content's length of \(target.count) bytes.")
        }
        let result = unsafe ZSTD_decompressDCtx(
            context, target.baseAddress, target.count, frame.baseAddress, frame.count)
        guard ZSTD_isError(result) == 0, result == target.count else {
            throw FormatError(.malformedChunk, "A zstd frame does not decode: \(zstdErrorName(result)).")
        }
    }
}

private func zstdErrorName(_ code: Int) -> String {
    guard ZSTD_isError(code) != 0, let name = unsafe ZSTD_getErrorName(code) else { return "wrong length" }
    return unsafe String(cString: name)
}
