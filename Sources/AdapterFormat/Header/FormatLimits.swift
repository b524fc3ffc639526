internal import Adapters
internal import ByteCoding
internal import Tensors

/// The constants of the format (spec section 11 and where each clause says).
enum FormatConstants {
    static let magic: [UInt8] = [0x89, 0x41, 0x44, 0x50, 0x54, 0x0D, 0x0A, 0x1A]
    static let readVersion: UInt8 = 1
    static let writeVersion: UInt8 = 1
    static let fixedHeaderByteCount = 128
    static let writeVersionOffset = 9
    static let headerDigestOffset = 96
    static let sectionEntryByteCount = 64
    static let moduleRecordByteCount = 32
    static let tensorRecordByteCount = 72
    static let chunkRecordByteCount = 48
    /// The decoded length of every chunk but a tensor's last.
    static let chunkByteCount = 1 << 20

    static let maximumHeaderByteCount = 64 << 20
    static let maximumSectionCount = 64
    static let maximumMetadataByteCount = 1 << 20
    static let maximumDocumentByteCount = 16 << 20
    static let maximumModuleCount = Adapter.maximumModuleCount
    static let maximumTensorCount = 262_144
    static let maximumNameByteCount = AdaptedModule.maximumNameByteCount
    static let maximumAlignment = 4096
    static let rawAlignment = 256
}

/// How much a caller lets an untrusted file ask for.
public struct ReadLimits: Sendable {
    /// The largest sum of all tensors' decoded bytes; nil stands for the rule of spec clause 8.6. The format's own
    /// limit, ``maximumDecodedByteCount``, holds whatever is asked for.
    public var decodedByteCount: Int?

    /// Creates limits.
    public init(decodedByteCount: Int? = nil) {
        self.decodedByteCount = decodedByteCount
    }

    /// The largest sum of decoded bytes in any file, 64 GiB.
    public static let maximumDecodedByteCount = 64 << 30

    /// The cap for a file of that length.
    func decodedByteCount(forFileOf byteCount: Int) -> Int {
        let cap = decodedByteCount ?? max(64 << 20, byteCount.checkedMultiply(1024) ?? .max)
        return min(cap, ReadLimits.maximumDecodedByteCount)
    }
}
