import ByteCoding
import Integrity

/// Where the random masks of a module's matrices come from.
struct MaskKeys: Sendable {
    /// What the elements belong to, so that no two uses share a mask.
    enum Domain: UInt8, Sendable {
        case change = 0
        case factorA = 1
        case factorB = 2
        case core = 3
    }

    let module: ModuleTerms
    let slice: Int
    let domain: Domain

    /// The random words of one term's elements: Philox4x32-10, keyed by the seed, the adapter's identity, the module, the
    /// slice and the domain. Element i, row by row, takes word i. So a mask depends neither on the order of the inputs
    /// nor on threads nor on the machine.
    ///
    /// Key and counter are the first 16 bytes of SHA-256 over `adapterctl mask 1`, a zero byte, the seed (8 bytes,
    /// little-endian), the content root (32 bytes), the domain (1 byte), the slice (4 bytes, little-endian) and the
    /// module's name in UTF-8.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidOption` when the adapter's identity is not known.
    func stream(ofTerm index: Int, seed: UInt64) throws -> [UInt32] {
        let term = module.terms[index]
        guard let contentRoot = term.contentRoot else {
            throw ArithmeticError(
                .invalidOption,
                "Unable to merge '\(term.label)': random masks are keyed by the adapter's content root, which is not known "
                    + "here. Store the adapter first.", module: module.name)
        }
        let digest = SHA256.hash(
            Array("adapterctl mask 1\0".utf8), MaskKeys.bytes(seed), contentRoot.bytes, [domain.rawValue],
            MaskKeys.bytes(UInt32(truncatingIfNeeded: slice)), Array(module.name.utf8)
        ).bytes
        return (0..<4).map { word in
            (0..<4).reduce(0) { $0 | UInt32(digest[4 * word + $1]) << (8 * UInt32($1)) }
        }
    }

    private static func bytes<Word: FixedWidthInteger>(_ value: Word) -> [UInt8] {
        (0..<Word.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Word(8 * $0)) }
    }
}
