import Integrity

/// An adapter file in parts, put together by the text of `spec/adapter-format-v1.md` alone.
///
/// It shares nothing with `AdapterFormat` but SHA-256, so it is an oracle for the writer and, with its edits, a forge
/// of files that break one rule and seal everything else: digests, offsets, counts.
struct SpecFile {
    /// Table 4.1; `nil` stands for the right value.
    struct Fixed {
        var magic: [UInt8] = [0x89, 0x41, 0x44, 0x50, 0x54, 0x0D, 0x0A, 0x1A]
        var readVersion: UInt8 = 1
        var writeVersion: UInt8 = 1
        var flags: UInt16 = 0
        var sectionCount: UInt32 = 0
        var fileByteCount: UInt64 = 0
        var headerByteCount: UInt64 = 0
        var dataByteCount: UInt64 = 0
        var alignment: UInt32 = 1
        var reserved = [UInt8](repeating: 0, count: 20)
        var contentRoot = [UInt8](repeating: 0, count: 32)
    }

    /// An entry of table 4.3 with the bytes it stands for.
    struct Section {
        var tag: String
        var flags: UInt32 = 0
        var offset: UInt64 = 0
        var byteCount: UInt64 = 0
        var reserved: UInt64 = 0
        var digest: [UInt8]?
        var bytes: [UInt8]
        var isTrailing = false
        /// Overrides the tag's bytes, for tags that are not ASCII.
        var tagBytes: [UInt8]?
    }

    /// Clause 6.1.
    struct Names {
        var texts: [[UInt8]] = []
        var reserved: UInt32 = 0
        var count: UInt32?
        var ends: [UInt32]?
        var surplus: [UInt8] = []
    }

    /// A record of table 6.2.
    struct Module {
        var name: UInt32
        var kind: UInt8
        var rule: UInt8
        var reserved: UInt16 = 0
        var rank: UInt32
        var firstTensor: UInt32
        var tensorCount: UInt32
        var surplus: UInt32 = 0
        var alpha: UInt64
    }

    /// A record of table 7.1.
    struct Tensor {
        var module: UInt32
        var role: UInt8
        var dtype: UInt8
        var dimensionCount: UInt8
        var reserved: UInt8 = 0
        var name: UInt32
        var firstChunk: UInt32
        var extents: [UInt32]
        var digest: [UInt8]
    }

    /// A record of table 8.2 with its extent; `nil` stands for the right value.
    struct Chunk {
        var codec: UInt8
        var encoded: [UInt8]
        var padding: [UInt8] = []
        var reserved: [UInt8] = [0, 0, 0]
        var offset: UInt64?
        var encodedByteCount: UInt32?
        var digest: [UInt8]?
    }

    var fixed = Fixed()
    var metadata: [UInt8] = []
    var names = Names()
    var modules: [Module] = []
    var tensors: [Tensor] = []
    var chunks: [Chunk] = []
    var notes: [UInt8]?
    var provenance: [UInt8]?
    /// Further sections, put behind `NOTE` or, when trailing, behind `PROV`.
    var otherSections: [Section] = []
    /// Bytes appended to the tables, to the data and to the file.
    var surplusModules: [UInt8] = []
    var surplusTensors: [UInt8] = []
    var surplusChunks: [UInt8] = []
    var surplusData: [UInt8] = []
    var surplusTrailing: [UInt8] = []

    /// Changes the sections before they are laid out.
    var editSections: (inout [Section]) -> Void = { _ in }
    /// Changes the entries of the section table after the layout; digests follow the new ranges.
    var editTable: (inout [Section]) -> Void = { _ in }
    /// Changes the fixed header after everything in it is known.
    var editFixed: (inout Fixed) -> Void = { _ in }
    /// Changes the header's bytes before the header digest is taken.
    var editHeader: (inout [UInt8]) -> Void = { _ in }
    /// Changes the finished file, which nothing seals.
    var editFile: (inout [UInt8]) -> Void = { _ in }

    static let chunkByteCount = 1 << 20
    static func elementByteCount(_ dtype: UInt8) -> Int? {
        switch dtype {
        case 1, 8: 4
        case 2, 3: 2
        case 4, 5, 6, 7, 9: 1
        default: nil
        }
    }

    /// H of clause 1.2.
    static func hash(_ runs: [UInt8]...) -> [UInt8] { SHA256.hash(runs.flatMap(\.self)).bytes }

    static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        (0..<T.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
    }
}

/// A rule of the specification that a file breaks.
struct SpecViolation: Error, CustomStringConvertible {
    var clause: String
    var description: String { "clause \(clause) is broken" }
    init(_ clause: String) { self.clause = clause }
}
