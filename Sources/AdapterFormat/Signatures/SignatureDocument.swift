internal import ByteCoding
internal import Integrity

/// Signatures as a metadata document (signatures spec, section 3).
enum SignatureDocument {
    /// The largest document that is read, detached or in a file.
    static let maximumByteCount = 64 << 10

    /// The array of clause 3.1.
    static func metadata(_ signatures: [Signature]) -> MetadataValue {
        .array(
            signatures.map { signature in
                var entries: [String: MetadataValue] = [
                    "algorithm": .string(signature.algorithm.rawValue), "key": .string(signature.keyID.description),
                    "signature": .string(hexadecimal(signature.bytes)),
                ]
                entries["expires"] = signature.expires.map { .string($0.description) }
                return .map(entries)
            })
    }

    /// The signatures in an array of clause 3.1.
    ///
    /// - Throws: `SignatureError` with code `malformedSignature`.
    static func signatures(_ metadata: MetadataValue) throws(SignatureError) -> [Signature] {
        guard let entries = metadata.array, (1...Signature.maximumCount).contains(entries.count) else {
            throw malformed("an array of 1 to \(Signature.maximumCount) is expected")
        }
        var signatures: [Signature] = []
        for entry in entries {
            let signature = try self.signature(entry)
            if let previous = signatures.last, previous.keyID >= signature.keyID {
                throw malformed("they are not strictly ascending by key")
            }
            signatures.append(signature)
        }
        return signatures
    }

    /// Throws `malformedSignature` where no reader would accept the signatures in one document.
    static func check(_ signatures: [Signature]) throws(SignatureError) {
        _ = try self.signatures(metadata(signatures))
    }

    private static func signature(_ entry: MetadataValue) throws(SignatureError) -> Signature {
        let known: Set = ["algorithm", "expires", "key", "signature"]
        guard let entries = entry.map, entries.keys.allSatisfy(known.contains) else {
            throw malformed("an entry is not a map or has a member that version 1 does not define")
        }
        guard let algorithm = entries["algorithm"]?.string.flatMap(SignatureAlgorithm.init(rawValue:)) else {
            throw malformed("an algorithm is neither 'ed25519' nor 'p256'")
        }
        guard let keyID = entries["key"]?.string.flatMap(Digest.init(parsing:)) else {
            throw malformed("a key is not 'sha256:' and 64 hexadecimal digits")
        }
        guard let bytes = entries["signature"]?.string.flatMap(bytes(hexadecimal:)) else {
            throw malformed("a signature is not \(2 * Signature.byteCount) lower-case hexadecimal digits")
        }
        var expires: UTCDate?
        if let value = entries["expires"] {
            guard let text = value.string else { throw malformed("an expiry is not a date") }
            do {
                expires = try UTCDate(parsing: text)
            } catch {
                throw malformed("an expiry is not a date in the form YYYY-MM-DD")
            }
        }
        return try Signature(reading: bytes, algorithm: algorithm, keyID: keyID, expires: expires)
    }

    static func malformed(_ reason: String) -> SignatureError {
        SignatureError(
            .malformedSignature, "Unable to read signatures: \(reason). Fetch them again or have them made again.")
    }

    // A signature is as long as two digests, which know their digits.
    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        stride(from: 0, to: bytes.count, by: Digest.byteCount).compactMap { start in
            Digest(bytes: bytes[start..<min(start + Digest.byteCount, bytes.count)])?.hexadecimal
        }.joined()
    }

    private static func bytes(hexadecimal text: String) -> [UInt8]? {
        guard text.utf8.count == 2 * Signature.byteCount, let upper = Digest(hexadecimal: text.prefix(64)),
            let lower = Digest(hexadecimal: text.dropFirst(64))
        else { return nil }
        return upper.bytes + lower.bytes
    }
}
