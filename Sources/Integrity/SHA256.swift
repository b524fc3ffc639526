internal import COpenSSL

/// Streaming SHA-256 (FIPS 180-4) by OpenSSL, which uses the processor's SHA instructions.
public struct SHA256: ~Copyable {
    /// The length of a block of the compression function.
    static let blockByteCount = 64

    var context = SHA256_CTX()

    /// Starts an empty message.
    public init() {
        // The functions of this layer cannot fail.
        _ = unsafe SHA256_Init(&context)
    }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { buffer in _ = unsafe SHA256_Update(&context, buffer.baseAddress, buffer.count) }
    }

    /// Appends a run of bytes to the message without copying it.
    public mutating func update(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { buffer in _ = unsafe SHA256_Update(&context, buffer.baseAddress, buffer.count) }
    }

    /// Appends one byte to the message.
    mutating func update(_ byte: UInt8) {
        unsafe withUnsafeBytes(of: byte) { buffer in _ = unsafe SHA256_Update(&context, buffer.baseAddress, 1) }
    }

    /// Appends a digest's bytes to the message.
    package mutating func update(_ digest: Digest) {
        unsafe withUnsafeBytes(of: digest.bigEndianWords) { buffer in
            _ = unsafe SHA256_Update(&context, buffer.baseAddress, buffer.count)
        }
    }

    /// The digest of the message; the hasher is used up.
    public consuming func finalize() -> Digest {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        unsafe withUnsafeMutableBytes(of: &words) { buffer in
            guard let start = buffer.baseAddress else { return }
            _ = unsafe SHA256_Final(start.assumingMemoryBound(to: UInt8.self), &context)
        }
        return Digest(bigEndianWords: words)
    }

    /// The digest of several runs of bytes, as if they were one.
    public static func hash(_ runs: [UInt8]...) -> Digest {
        var hasher = SHA256()
        for run in runs { hasher.update(run) }
        return hasher.finalize()
    }

    /// The digest of a run of bytes, which is not copied.
    public static func hash(_ run: ArraySlice<UInt8>) -> Digest {
        var hasher = SHA256()
        hasher.update(run)
        return hasher.finalize()
    }
}
