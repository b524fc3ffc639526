internal import COpenSSL
internal import CPairedSHA256

extension SHA256 {
    /// Whether two messages hashed side by side take less time than one after the other.
    private static let hashesPairs = cpaired_sha256_is_supported() != 0

    /// The digests of two messages that begin with the same byte, hashed side by side: in less time than one
    /// after the other, because the processor's SHA instructions of one message wait for each other.
    static func hash(startingWith byte: UInt8, _ first: [UInt8], _ second: [UInt8]) -> (Digest, Digest) {
        var hasher = SHA256()
        var other = SHA256()
        let blockCount = (1 + min(first.count, second.count)) / blockByteCount
        var start = 0
        if hashesPairs, blockCount > 1 {
            start = blockByteCount * blockCount - 1
            unsafe first.withUnsafeBufferPointer { first in
                unsafe second.withUnsafeBufferPointer { second in
                    unsafe hash(startingWith: byte, first, second, blockCount: blockCount, &hasher, &other)
                }
            }
        } else {
            hasher.update(byte)
            other.update(byte)
        }
        hasher.update(first[start...])
        other.update(second[start...])
        return (hasher.finalize(), other.finalize())
    }

    /// Hashes that many blocks of both messages; the hashers have hashed nothing yet.
    private static func hash(
        startingWith byte: UInt8, _ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>,
        blockCount: Int, _ hasher: inout SHA256, _ other: inout SHA256
    ) {
        var heads = unsafe ([byte] + first.prefix(blockByteCount - 1), [byte] + second.prefix(blockByteCount - 1))
        guard let firstStart = first.baseAddress, let secondStart = second.baseAddress else { return }
        unsafe withUnsafeMutablePointer(to: &hasher.context.h.0) { firstState in
            unsafe withUnsafeMutablePointer(to: &other.context.h.0) { secondState in
                unsafe cpaired_sha256_blocks(firstState, &heads.0, secondState, &heads.1, 1)
                unsafe cpaired_sha256_blocks(
                    firstState, firstStart + blockByteCount - 1, secondState, secondStart + blockByteCount - 1,
                    blockCount - 1)
            }
        }
        hasher.setHashed(blockCount: blockCount)
        other.setHashed(blockCount: blockCount)
    }

    private mutating func setHashed(blockCount: Int) {
        let bitCount = UInt64(8 * SHA256.blockByteCount * blockCount)
        context.Nl = UInt32(truncatingIfNeeded: bitCount)
        context.Nh = UInt32(truncatingIfNeeded: bitCount >> 32)
    }
}
