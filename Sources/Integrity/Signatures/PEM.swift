/// Strict PEM (RFC 7468; signatures spec, clause 1.5).
enum PEM {
    /// The largest text that is read: a key needs some hundred bytes.
    static let maximumByteCount = 16 << 10

    /// The text of a document.
    static func encode(_ bytes: [UInt8], label: String) -> String {
        let text = Array(Base64.encode(bytes).utf8)
        let lines = stride(from: 0, to: text.count, by: 64).map { start in
            String(decoding: text[start..<min(start + 64, text.count)], as: UTF8.self) + "\n"
        }
        return "-----BEGIN \(label)-----\n\(lines.joined())-----END \(label)-----\n"
    }

    /// The bytes of a document with that label.
    ///
    /// - Throws: ``SignatureError`` with code `malformedKey`, or `unsupportedKey` for a key with another label.
    static func decode(_ text: String, label: String) throws(SignatureError) -> [UInt8] {
        guard text.utf8.count <= maximumByteCount else {
            throw SignatureError(
                .malformedKey,
                "Unable to read a key: the text has \(text.utf8.count) bytes, at most \(maximumByteCount) are accepted."
            )
        }
        // Line by line on bytes: Swift takes CR LF for one character.
        var lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
        func isBlank(_ line: String) -> Bool { line.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 } }
        while let last = lines.last, isBlank(last) { lines.removeLast() }
        lines = Array(lines.drop(while: isBlank))
        guard let first = lines.first, first.hasPrefix("-----BEGIN "), first.hasSuffix("-----") else {
            throw SignatureError(
                .malformedKey,
                "Unable to read a key: the text is not PEM, '-----BEGIN \(label)-----' is expected first.")
        }
        guard first == "-----BEGIN \(label)-----" else { throw otherLabel(first, expected: label) }
        guard lines.count >= 3, lines.last == "-----END \(label)-----" else {
            throw SignatureError(
                .malformedKey, "Unable to read a key: '-----END \(label)-----' is expected at the end of the PEM text.")
        }
        let content = lines[1..<lines.count - 1]
        guard content.dropLast().allSatisfy({ $0.utf8.count == 64 }), let last = content.last,
            (1...64).contains(last.utf8.count), let bytes = Base64.decode(content.joined())
        else {
            throw SignatureError(
                .malformedKey, "Unable to read a key: the PEM text is not base64 in lines of 64 characters.")
        }
        return bytes
    }

    /// Says what to do with the kinds of files that people have.
    private static func otherLabel(_ line: String, expected: String) -> SignatureError {
        let label = line.dropFirst("-----BEGIN ".count).dropLast(5).prefix(40)
        let remedy =
            switch label {
            case "ENCRYPTED PRIVATE KEY":
                "Keys with a passphrase are not supported; remove it: openssl pkey -in FILE -out PLAIN.pem."
            case "EC PRIVATE KEY": "Convert it: openssl pkcs8 -topk8 -nocrypt -in FILE -out KEY.pem."
            case "PRIVATE KEY": "This is a private key; take the public one: openssl pkey -in FILE -pubout."
            case "CERTIFICATE": "Take the certificate's key: openssl x509 -in FILE -noout -pubkey."
            default: "Name a file with '-----BEGIN \(expected)-----'."
            }
        return SignatureError(
            .unsupportedKey, "Unable to read a key: '\(expected)' is expected, it is labelled '\(label)'. \(remedy)")
    }
}
