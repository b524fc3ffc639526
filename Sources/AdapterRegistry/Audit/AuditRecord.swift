import ByteCoding
import Integrity

/// What one entry of the audit log says, before it has a place in the chain.
struct AuditRecord: Hashable, Sendable {
    /// When, by the clock of the machine that did it.
    var date: Timestamp
    /// Who did it.
    var actor: String
    /// What was done.
    var action: String
    /// The repository it concerns.
    var repository: String?
    /// The tag it concerns.
    var tag: String?
    /// What stood there before.
    var oldDigest: String?
    /// What stands there afterwards.
    var newDigest: String?
    /// How often the tag had changed, this entry included.
    var generation: Int?
    /// What was said about it.
    var message: String?
    /// What else is worth knowing, a JSON object.
    var details: String?

    /// The hash before the first entry.
    static let origin = Digest(bytes: [UInt8](repeating: 0, count: Digest.byteCount))

    /// The entry's hash: SHA-256 over the domain, the hash of the entry before, the number and every field.
    ///
    /// A field is a byte that says what follows: 0 nothing, 1 an integer of eight bytes, 2 a text, its length in eight
    /// bytes first. Integers are big-endian.
    func hash(id: Int, after previous: Digest?) -> Digest {
        var bytes = Array("adapterctl-audit-v1\n".utf8)
        bytes += previous?.bytes ?? AuditRecord.origin?.bytes ?? []
        func append(_ number: Int64) {
            for shift: Int64 in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        func append(_ number: Int?) {
            bytes.append(number == nil ? 0 : 1)
            if let number { append(Int64(number)) }
        }
        func append(_ text: String?) {
            bytes.append(text == nil ? 0 : 2)
            if let text {
                append(Int64(text.utf8.count))
                bytes += text.utf8
            }
        }
        append(id)
        append(Int(date.milliseconds))
        for text in [actor, action, repository, tag, oldDigest, newDigest] { append(text) }
        append(generation)
        append(message)
        append(details)
        return SHA256.hash(bytes)
    }
}
