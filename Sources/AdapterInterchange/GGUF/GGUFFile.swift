import ByteCoding
import FileSystem
import Tensors

/// A GGUF file opened for reading: its header is checked, its tensors are read when they are asked for.
struct GGUFFile: Sendable {
    static let magic = GGUFHeader.magic
    /// The most bytes before the data; models keep their vocabulary there, adapters next to nothing.
    private static let maximumHeaderByteCount = 256 << 20

    /// The metadata.
    let values: [String: GGUFValue]
    /// The tensors by name, row-major with the outermost extent first.
    let tensors: [String: Tensor]

    /// Opens a file.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidHeader`, `truncated`, `limitExceeded`, `invalidTensors`,
    ///   `invalidOffsets` or `unsupportedDType`; `FileSystemError`.
    init(opening path: String) throws {
        let file = try InputFile(opening: path)
        let header = try GGUFFile.header(of: file)
        var tensors: [String: Tensor] = [:]
        var end = 0
        for entry in header.entries {
            let (dtype, shape) = try GGUFFile.description(of: entry)
            let byteCount = dtype.byteCount(ofElements: shape.elementCount)
            // ggml lays tensors one behind the other, in the order of their descriptions.
            guard entry.offset == end else {
                throw InterchangeError(
                    .invalidOffsets,
                    "the tensor '\(entry.name)' begins at byte \(entry.offset) of the data, byte \(end) is expected",
                    name: entry.name)
            }
            guard let last = header.dataOffset.checkedAdd(end)?.checkedAdd(byteCount), last <= file.byteCount else {
                throw InterchangeError(
                    .truncated, "the tensor '\(entry.name)' ends after the file's \(file.byteCount) bytes",
                    remedy: "Fetch or write the file again.", name: entry.name)
            }
            let source = GGUFTensorSource(file: file, offset: header.dataOffset + end)
            tensors[entry.name] = Tensor(dtype: dtype, shape: shape, source: source)
            end += byteCount + byteCount.padding(to: header.alignment)
        }
        guard file.byteCount < header.dataOffset + end + header.alignment else {
            throw InterchangeError(
                .invalidOffsets, "\(file.byteCount - header.dataOffset - end) bytes follow the last tensor")
        }
        values = header.values
        self.tensors = tensors
    }

    /// Reads as much as the header needs.
    private static func header(of file: InputFile) throws -> GGUFHeader {
        var count = min(1 << 20, file.byteCount)
        while true {
            do {
                return try GGUFHeader(parsing: file.read(at: 0, count: count), fileByteCount: file.byteCount)
            } catch let error as ByteCodingError {
                guard count < file.byteCount else {
                    throw InterchangeError(
                        .truncated, "its header ends after \(file.byteCount) bytes: \(error)",
                        remedy: "Fetch or write the file again.")
                }
                guard count < maximumHeaderByteCount else {
                    throw InterchangeError(.limitExceeded, "its header has more than \(maximumHeaderByteCount) bytes")
                }
                count = min(count * 8, file.byteCount, maximumHeaderByteCount)
            }
        }
    }

    private static func description(of entry: GGUFHeader.Entry) throws -> (DType, Shape) {
        guard let type = GGUFDType(rawValue: entry.type) else {
            throw InterchangeError(
                .unsupportedDType,
                "the tensor '\(entry.name)' has the element type \(entry.type), one of F32, F16, BF16 and Q8_0 is expected",
                remedy: "Convert the adapter without quantising it.", name: entry.name)
        }
        guard let shape = Shape(entry.extents.reversed()) else {
            throw InterchangeError(
                .limitExceeded, "the tensor '\(entry.name)' has the extents \(entry.extents)", name: entry.name)
        }
        guard type != .q8 || (entry.extents.first ?? 0) % 32 == 0 else {
            throw InterchangeError(
                .invalidTensors, "the tensor '\(entry.name)' has rows that are not of whole blocks", name: entry.name)
        }
        return (type.dtype, shape)
    }
}

/// The element types of adapters, with ggml's numbers.
enum GGUFDType: UInt32 {
    case f32 = 0
    case f16 = 1
    case q8 = 8
    case bf16 = 30

    /// The type of our own tensors; ggml's Q8_0 has our blocks.
    var dtype: DType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .q8: .q8
        case .bf16: .bf16
        }
    }
}

/// Bytes of an open file.
private struct GGUFTensorSource: TensorSource {
    let file: InputFile
    let offset: Int

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        try file.read(at: offset + range.lowerBound, count: range.count)
    }
}
