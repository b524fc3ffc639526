import ByteCoding
import Tensors

@testable import AdapterFormat

/// Chunks: bytes that claim to be encoded, and bytes that are encoded and decoded again.
///
/// An input is: whether its content is to be decoded (0) or encoded (1), or with the codec's index times two; the index
/// of the dtype; the decoded length, 16 bits; the content.
enum CodecTarget: FuzzTarget {
    static let name = "codec"
    private static let dtypes = DType.allCases
    private static let codecs = Codec.allCases

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        var generator = SeededGenerator(seed: 1)
        var seeds: [[UInt8]] = []
        for (index, dtype) in dtypes.enumerated() {
            let size = dtype.byteCount
            let contents: [[UInt8]] = [
                generator.bytes(size * 40), [UInt8](repeating: 7, count: size * 40), generator.bytes(size),
                (0..<size * 200).map { UInt8(truncatingIfNeeded: $0 % 11) },
                (0..<300).flatMap { _ in generator.bytes(size - 1) + [UInt8(0x3C + generator.next() % 3)] },
            ]
            for content in contents {
                seeds.append([1, UInt8(index), 0, 0] + content)
                for preference in WritingCodec.allCases {
                    let chunk = try ChunkCoder.withCoder {
                        try $0.encode(content, dtype: dtype, preference: preference)
                    }
                    let codec = codecs.firstIndex(of: chunk.codec) ?? 0
                    let count = content.count
                    seeds.append(
                        [UInt8(codec << 1), UInt8(index), UInt8(count & 0xFF), UInt8(count >> 8)] + chunk.bytes)
                }
            }
        }
        return seeds
    }

    static func isExpected(_ error: any Error) -> Bool { (error as? FormatError)?.code == .malformedChunk }

    static func run(_ input: [UInt8]) throws {
        guard input.count >= 4 else { return }
        let dtype = dtypes[Int(input[1]) % dtypes.count]
        let element = dtype.byteCount
        let content = Array(input[4...])
        if input[0] & 1 == 0 {
            let codec = codecs[Int(input[0] >> 1) % codecs.count]
            let byteCount = max(1, Int(input.integer(UInt16.self, at: 2)) / element) * element
            let decoded = try ChunkCoder.withCoder { coder in
                try coder.decode(EncodedChunk(codec: codec, bytes: content), byteCount: byteCount, dtype: dtype)
            }
            expect(decoded.count == byteCount, "a chunk decodes to its length")
            try checkIdentity(decoded, dtype)
        } else {
            try checkIdentity(Array(content.prefix(content.count / element * element)), dtype)
        }
    }

    private static func checkIdentity(_ chunk: [UInt8], _ dtype: DType) throws {
        guard !chunk.isEmpty else { return }
        for preference in WritingCodec.allCases {
            try ChunkCoder.withCoder { coder in
                let encoded = try coder.encode(chunk, dtype: dtype, preference: preference)
                expect((1...chunk.count).contains(encoded.bytes.count), "encoding never makes a chunk longer")
                do {
                    let decoded = try coder.decode(encoded, byteCount: chunk.count, dtype: dtype)
                    expect(decoded == chunk, "decoding undoes encoding (\(encoded.codec))")
                } catch {
                    fail("a chunk that we encoded is refused: \(error)")
                }
            }
        }
    }
}
