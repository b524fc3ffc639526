public import FileSystem
public import Tensors

/// A safetensors file opened for reading: its header is checked, its tensors are read when they are asked for.
///
/// Stricter than the format's own library where files could mean two things: no duplicate names, no unknown fields,
/// no text before or after the header but padding. Layout: <https://huggingface.co/docs/safetensors>.
public struct SafetensorsFile: Sendable {
    /// A tensor as the header describes it.
    public struct Entry: Hashable, Sendable {
        /// Its name.
        public let name: String
        /// The name of its element type: `F32`, `BF16`, `I64`, ….
        public let dtypeName: String
        /// Its extents, outermost first.
        public let shape: [Int]
        /// Where its bytes lie, counted from the end of the header.
        public let range: Range<Int>

        /// The element type where our own tensors have it, else nil: ``SafetensorsFile/tensor(_:)`` would refuse.
        public var dtype: DType? { SafetensorsDType(rawValue: dtypeName)?.dtype }
    }

    /// The path the file was opened with.
    public var path: String { file.path }
    /// The tensors, in the order in which their bytes lie in the file.
    public let entries: [Entry]
    /// The free map of strings in the header.
    public let metadata: [String: String]

    private let file: InputFile
    private let dataOffset: Int
    private let indices: [String: Int]

    /// Opens a file and checks its header.
    ///
    /// - Throws: ``InterchangeError`` with code `truncated`, `limitExceeded`, `invalidHeader`, `invalidOffsets` or
    ///   `unsupportedDType`; `FileSystemError` when the file cannot be read.
    public init(opening path: String) throws {
        let file = try InputFile(opening: path)
        let header: SafetensorsHeader
        do {
            guard file.byteCount >= 8 else {
                throw InterchangeError(.truncated, "it has \(file.byteCount) bytes, at least 8 are expected")
            }
            let length = try file.read(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard length <= UInt64(SafetensorsHeader.maximumByteCount) else {
                throw InterchangeError(
                    .limitExceeded,
                    "its header claims \(length) bytes, at most \(SafetensorsHeader.maximumByteCount) are possible")
            }
            guard length <= UInt64(file.byteCount - 8) else {
                throw InterchangeError(
                    .truncated, "its header claims \(length) bytes, \(file.byteCount - 8) follow")
            }
            dataOffset = 8 + Int(length)
            header = try SafetensorsHeader(
                parsing: file.read(at: 8, count: Int(length)), dataByteCount: file.byteCount - dataOffset)
        } catch var error as InterchangeError {
            error.remedy = "Fetch or write the file again."
            throw error.about("read", path)
        }
        self.file = file
        entries = header.entries
        metadata = header.metadata
        indices = Dictionary(
            header.entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The tensor with that name, nil when there is none.
    public func entry(named name: String) -> Entry? { indices[name].map { entries[$0] } }

    /// The tensor of an entry of this file; its bytes are read when they are asked for.
    ///
    /// - Throws: ``InterchangeError`` with code `unsupportedDType` or `limitExceeded` when the element type or the
    ///   shape is not one that adapters can have.
    public func tensor(_ entry: Entry) throws -> Tensor {
        guard let dtype = entry.dtype else {
            let known = DType.allCases.compactMap { SafetensorsDType($0)?.rawValue }.joined(separator: ", ")
            throw InterchangeError(
                .unsupportedDType,
                "the tensor '\(entry.name)' has the element type \(entry.dtypeName), one of \(known) is expected",
                remedy: "Convert the tensor first.", name: entry.name, path: path)
        }
        guard let shape = Shape(entry.shape) else {
            throw InterchangeError(
                .limitExceeded,
                "the tensor '\(entry.name)' has the shape \(entry.shape), at most \(Shape.maximumRank) dimensions of at "
                    + "most \(Shape.maximumExtent) are possible", name: entry.name, path: path)
        }
        let source = FileTensorSource(file: file, offset: dataOffset + entry.range.lowerBound)
        return Tensor(dtype: dtype, shape: shape, source: source)
    }

    /// Maps the bytes of an entry of this file into memory, whatever its element type.
    ///
    /// - Throws: `FileSystemError` when the file has become shorter or cannot be mapped.
    public func map(_ entry: Entry) throws -> MappedRegion {
        try file.map(dataOffset + entry.range.lowerBound..<dataOffset + entry.range.upperBound)
    }

    /// The bytes before the data: the header's length and the header.
    func headerBytes() throws -> [UInt8] { try file.read(at: 0, count: dataOffset) }

    /// Where a tensor lies in the file; the tensor is one of this file.
    func byteRange(ofTensor name: String) -> Range<Int> {
        let range = entry(named: name)?.range ?? 0..<0
        return dataOffset + range.lowerBound..<dataOffset + range.upperBound
    }

    /// Copies a range of the whole file.
    func bytes(at range: Range<Int>) throws -> [UInt8] { try file.read(at: range.lowerBound, count: range.count) }

    /// Hands over the bytes of an entry of this file in order, in pieces of at most one mebibyte.
    ///
    /// - Throws: `FileSystemError` when the file cannot be read or has become shorter, and what `body` throws.
    public func forEachPiece(of entry: Entry, _ body: ([UInt8]) throws -> Void) throws {
        try file.forEachPiece(
            in: dataOffset + entry.range.lowerBound..<dataOffset + entry.range.upperBound, body)
    }

    /// Copies all bytes of an entry of this file, whatever its element type.
    ///
    /// - Throws: `FileSystemError` when the file cannot be read or has become shorter.
    public func bytes(of entry: Entry) throws -> [UInt8] {
        try file.read(at: dataOffset + entry.range.lowerBound, count: entry.range.count)
    }
}

/// Bytes of an open file.
private struct FileTensorSource: TensorSource {
    let file: InputFile
    let offset: Int

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        try file.read(at: offset + range.lowerBound, count: range.count)
    }
}
