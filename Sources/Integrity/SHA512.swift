internal import COpenSSL

/// Streaming SHA-512 (FIPS 180-4), the other hash that OCI registers: other people's content may be named by it.
public struct SHA512: ~Copyable {
    /// The number of bytes in a digest.
    public static let byteCount = 64

    private var context = SHA512_CTX()

    /// Starts an empty message.
    public init() {
        // The functions of this layer cannot fail.
        _ = unsafe SHA512_Init(&context)
    }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: [UInt8]) { update(bytes[...]) }

    /// Appends a run of bytes to the message without copying it.
    public mutating func update(_ bytes: ArraySlice<UInt8>) {
        unsafe bytes.withUnsafeBytes { buffer in _ = unsafe SHA512_Update(&context, buffer.baseAddress, buffer.count) }
    }

    /// The 64 bytes of the message's digest; the hasher is used up.
    public consuming func finalize() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SHA512.byteCount)
        _ = unsafe SHA512_Final(&digest, &context)
        return digest
    }
}
