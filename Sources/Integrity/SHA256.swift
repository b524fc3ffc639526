internal import COpenSSL

/// Streaming SHA-256 (FIPS 180-4) by OpenSSL, which uses the processor's SHA instructions.
@safe
public struct SHA256: ~Copyable {
    private let context: OpaquePointer?
    // Fetched once: the implicit fetch inside EVP_sha256() costs more than hashing a kilobyte.
    private static let algorithm = unsafe SendablePointer(EVP_MD_fetch(nil, "SHA256", nil))

    /// Starts an empty message.
    public init() {
        unsafe context = EVP_MD_CTX_new()
        let started = unsafe EVP_DigestInit_ex2(context, SHA256.algorithm.pointer, nil)
        // Out of memory or a broken OpenSSL installation: a programmer or machine fault, never one of the data.
        precondition(started == 1, "OpenSSL offers no SHA-256")
    }

    deinit { unsafe EVP_MD_CTX_free(context) }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { buffer in
            let updated = unsafe EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
            precondition(updated == 1, "OpenSSL refused to hash")
        }
    }

    /// The digest of the message; the hasher is used up.
    public consuming func finalize() -> Digest {
        var bytes = [UInt8](repeating: 0, count: Digest.byteCount)
        let finished = unsafe EVP_DigestFinal_ex(context, &bytes, nil)
        guard finished == 1, let digest = Digest(bytes: bytes) else {
            preconditionFailure("OpenSSL refused to finish a digest")
        }
        return digest
    }

    /// The digest of several runs of bytes, as if they were one.
    public static func hash(_ runs: [UInt8]...) -> Digest {
        var hasher = SHA256()
        for run in runs { hasher.update(run) }
        return hasher.finalize()
    }
}

/// OpenSSL's algorithm objects are reference-counted and immutable once fetched, so threads may share them.
@safe
private struct SendablePointer: @unchecked Sendable {
    let pointer: OpaquePointer?
    init(_ pointer: OpaquePointer?) { unsafe self.pointer = pointer }
}
