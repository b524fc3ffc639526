internal import COpenSSL

/// One of OpenSSL's keys; the only type that touches its pointers.
@safe
final class KeyHandle: @unchecked Sendable {
    // OpenSSL's keys are reference-counted, and nothing here changes one after it was made, so threads may share them.
    private let pointer: OpaquePointer

    private init?(_ pointer: OpaquePointer?) {
        guard let pointer = unsafe pointer else { return nil }
        unsafe self.pointer = pointer
    }

    deinit { unsafe EVP_PKEY_free(pointer) }

    /// Makes a key.
    static func generate(_ algorithm: SignatureAlgorithm) -> KeyHandle? {
        defer { ERR_clear_error() }
        guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, algorithm.keyType, nil) else { return nil }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        guard unsafe EVP_PKEY_keygen_init(context) == 1 else { return nil }
        if algorithm == .p256 {
            guard unsafe EVP_PKEY_CTX_set_group_name(context, "P-256") == 1 else { return nil }
        }
        var key: OpaquePointer?
        guard unsafe EVP_PKEY_generate(context, &key) == 1 else { return nil }
        return unsafe KeyHandle(key)
    }

    /// A public key from a SubjectPublicKeyInfo that is used up entirely; checks that a point is on its curve.
    static func publicKey(der: [UInt8]) -> KeyHandle? {
        defer { ERR_clear_error() }
        return unsafe der.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            let key = unsafe KeyHandle(d2i_PUBKEY(nil, &position, buffer.count))
            guard unsafe position == buffer.baseAddress?.advanced(by: buffer.count) else { return nil }
            return key
        }
    }

    /// A private key from PKCS #8 that is used up entirely.
    static func privateKey(der: [UInt8]) -> KeyHandle? {
        defer { ERR_clear_error() }
        return unsafe der.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            guard let document = unsafe d2i_PKCS8_PRIV_KEY_INFO(nil, &position, buffer.count) else { return nil }
            defer { unsafe PKCS8_PRIV_KEY_INFO_free(document) }
            guard unsafe position == buffer.baseAddress?.advanced(by: buffer.count) else { return nil }
            return unsafe KeyHandle(EVP_PKCS82PKEY(document))
        }
    }

    /// The algorithm; nil when this project does not use it.
    var algorithm: SignatureAlgorithm? {
        defer { ERR_clear_error() }
        if unsafe EVP_PKEY_is_a(pointer, SignatureAlgorithm.ed25519.keyType) == 1 { return .ed25519 }
        guard unsafe EVP_PKEY_is_a(pointer, SignatureAlgorithm.p256.keyType) == 1 else { return nil }
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        guard unsafe EVP_PKEY_get_group_name(pointer, &name, name.count, &count) == 1 else { return nil }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text == "prime256v1" ? .p256 : nil
    }

    /// Whether the public half belongs to the private one.
    var isConsistent: Bool {
        defer { ERR_clear_error() }
        guard let context = unsafe EVP_PKEY_CTX_new_from_pkey(nil, pointer, nil) else { return false }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        return unsafe EVP_PKEY_check(context) == 1
    }

    /// The SubjectPublicKeyInfo.
    var publicDER: [UInt8]? {
        defer { ERR_clear_error() }
        return unsafe bytes { output in unsafe i2d_PUBKEY(pointer, output) }
    }

    /// The private key as PKCS #8.
    var privateDER: [UInt8]? {
        defer { ERR_clear_error() }
        guard let document = unsafe EVP_PKEY2PKCS8(pointer) else { return nil }
        defer { unsafe PKCS8_PRIV_KEY_INFO_free(document) }
        return unsafe bytes { output in unsafe i2d_PKCS8_PRIV_KEY_INFO(document, output) }
    }

    /// Runs one of OpenSSL's encoders: first for the length, then for the bytes.
    private func bytes(_ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?) -> Int32) -> [UInt8]? {
        let count = Int(encode(nil))
        guard count > 0 else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        let written = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            var position = buffer.baseAddress
            return unsafe encode(&position)
        }
        return Int(written) == count ? bytes : nil
    }

    /// Signs a message; the signature is OpenSSL's, DER for P-256.
    func sign(_ message: [UInt8]) -> [UInt8]? {
        defer { ERR_clear_error() }
        guard let context = unsafe EVP_MD_CTX_new() else { return nil }
        defer { unsafe EVP_MD_CTX_free(context) }
        let hash = algorithm == .p256 ? unsafe EVP_sha256() : nil
        guard unsafe EVP_DigestSignInit(context, nil, hash, nil, pointer) == 1 else { return nil }
        var count = 0
        guard unsafe EVP_DigestSign(context, nil, &count, message, message.count) == 1 else { return nil }
        var signature = [UInt8](repeating: 0, count: count)
        guard unsafe EVP_DigestSign(context, &signature, &count, message, message.count) == 1 else { return nil }
        return Array(signature.prefix(count))
    }

    /// Whether a signature as ``sign(_:)`` makes it is one of the message.
    func verify(_ signature: [UInt8], _ message: [UInt8]) -> Bool {
        defer { ERR_clear_error() }
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        let hash = algorithm == .p256 ? unsafe EVP_sha256() : nil
        guard unsafe EVP_DigestVerifyInit(context, nil, hash, nil, pointer) == 1 else { return false }
        return unsafe EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}
