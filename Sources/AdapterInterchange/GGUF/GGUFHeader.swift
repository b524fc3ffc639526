import ByteCoding
import Tensors

/// What stands before the data of a GGUF file, checked.
///
/// Layout: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>, versions 2 and 3, little-endian. Counts and
/// lengths are compared with the bytes that are left before anything is allocated.
struct GGUFHeader {
    /// A tensor as the header describes it.
    struct Entry: Hashable {
        let name: String
        /// The extents as GGUF orders them, innermost first.
        let extents: [Int]
        /// The number of its element type.
        let type: UInt32
        /// Where its bytes begin, counted from the start of the data.
        let offset: Int
    }

    static let magic: [UInt8] = Array("GGUF".utf8)
    /// The alignment where the file states none.
    static let defaultAlignment = 32
    /// The most elements of an array that is kept.
    private static let maximumArrayCount = 65_536
    private static let maximumNameByteCount = 1024
    /// The fewest bytes of an entry: empty name, type, one byte; empty name, no dimensions.
    private static let smallestValue = 13
    private static let smallestTensor = 24

    private(set) var values: [String: GGUFValue] = [:]
    private(set) var entries: [Entry] = []
    private(set) var alignment = GGUFHeader.defaultAlignment
    /// Where the data begin in the file.
    private(set) var dataOffset = 0

    /// Parses the start of a file.
    ///
    /// - Throws: `ByteCodingError` with code `endOfInput` where more bytes are needed; ``InterchangeError`` with code
    ///   `invalidHeader`, `limitExceeded` or `invalidTensors`.
    init(parsing bytes: [UInt8], fileByteCount: Int) throws {
        var reader = ByteReader(bytes.span)
        guard try reader.read(count: 4) == GGUFHeader.magic else {
            throw InterchangeError(.invalidHeader, "it does not begin with GGUF")
        }
        let version = try reader.read(UInt32.self)
        guard version == 2 || version == 3 else {
            throw InterchangeError(
                .invalidHeader,
                version.byteSwapped <= 3 && version != 0
                    ? "it is big-endian, only little-endian files are read"
                    : "it has the version \(version), 2 and 3 are known")
        }
        let tensorCount = try reader.count(itemsOf: GGUFHeader.smallestTensor, fileByteCount: fileByteCount)
        let valueCount = try reader.count(itemsOf: GGUFHeader.smallestValue, fileByteCount: fileByteCount)
        for _ in 0..<valueCount {
            let key = try reader.text(limit: GGUFHeader.maximumNameByteCount)
            let value = try GGUFHeader.value(&reader)
            guard values.updateValue(value, forKey: key) == nil else {
                throw InterchangeError(.invalidHeader, "the key '\(key)' occurs twice", name: key)
            }
        }
        if let stated = values["general.alignment"] {
            guard let number = stated.integer, (8...65_536).contains(number), number & (number - 1) == 0 else {
                throw InterchangeError(
                    .invalidHeader, "its general.alignment is not a power of two from 8 to 65536",
                    name: "general.alignment")
            }
            alignment = number
        }
        var names: Set<String> = []
        for _ in 0..<tensorCount {
            let entry = try GGUFHeader.entry(&reader)
            guard names.insert(entry.name).inserted else {
                throw InterchangeError(.invalidHeader, "the tensor '\(entry.name)' occurs twice", name: entry.name)
            }
            entries.append(entry)
        }
        dataOffset = reader.offset + reader.offset.padding(to: alignment)
    }

    private static func entry(_ reader: inout ByteReader) throws -> Entry {
        let name = try reader.text(limit: maximumNameByteCount)
        let count = try reader.read(UInt32.self)
        guard count <= 4 else {
            throw InterchangeError(
                .invalidTensors, "the tensor '\(name)' has \(count) dimensions, 4 are possible", name: name)
        }
        var extents: [Int] = []
        for _ in 0..<count {
            let extent = try reader.read(UInt64.self)
            guard extent <= UInt64(Shape.maximumExtent) else {
                throw InterchangeError(.limitExceeded, "the tensor '\(name)' has an extent of \(extent)", name: name)
            }
            extents.append(Int(extent))
        }
        let type = try reader.read(UInt32.self)
        let offset = try reader.read(UInt64.self)
        guard let offset = Int(exactly: offset) else {
            throw InterchangeError(.invalidOffsets, "the tensor '\(name)' begins at byte \(offset)", name: name)
        }
        return Entry(name: name, extents: extents, type: type, offset: offset)
    }

    private static func value(_ reader: inout ByteReader) throws -> GGUFValue {
        let kind = try kind(&reader)
        return kind == .array ? try array(&reader) : try scalar(&reader, kind)
    }

    private static func array(_ reader: inout ByteReader) throws -> GGUFValue {
        let kind = try kind(&reader)
        guard kind != .array else { throw InterchangeError(.invalidHeader, "it holds an array of arrays") }
        let stated = try reader.read(UInt64.self)
        guard let count = Int(exactly: stated) else {
            throw InterchangeError(.limitExceeded, "an array has \(stated) elements")
        }
        guard let size = kind.byteCount else {
            for _ in 0..<count { try reader.skipText() }
            return .other
        }
        guard GGUFHeader.integerKinds.contains(kind), count <= maximumArrayCount else {
            guard let byteCount = count.checkedMultiply(size) else {
                throw InterchangeError(.limitExceeded, "an array has \(count) elements")
            }
            try reader.skip(byteCount)
            return .other
        }
        var integers: [Int64] = []
        for _ in 0..<count {
            if case .integer(let number) = try scalar(&reader, kind) { integers.append(number) }
        }
        return .integers(integers)
    }

    /// The kinds whose values are 64-bit integers here.
    private static let integerKinds: Set<GGUFValue.Kind> = [.u8, .i8, .u16, .i16, .u32, .i32, .i64]

    private static func kind(_ reader: inout ByteReader) throws -> GGUFValue.Kind {
        let number = try reader.read(UInt32.self)
        guard let kind = GGUFValue.Kind(rawValue: number) else {
            throw InterchangeError(.invalidHeader, "a value has the unknown type \(number)")
        }
        return kind
    }

    private static func scalar(_ reader: inout ByteReader, _ kind: GGUFValue.Kind) throws -> GGUFValue {
        switch kind {
        case .u8: return .integer(Int64(try reader.read(UInt8.self)))
        case .i8: return .integer(Int64(try reader.read(Int8.self)))
        case .u16: return .integer(Int64(try reader.read(UInt16.self)))
        case .i16: return .integer(Int64(try reader.read(Int16.self)))
        case .u32: return .integer(Int64(try reader.read(UInt32.self)))
        case .i32: return .integer(Int64(try reader.read(Int32.self)))
        case .i64: return .integer(try reader.read(Int64.self))
        case .u64:
            let number = try reader.read(UInt64.self)
            return Int64(exactly: number).map(GGUFValue.integer) ?? .large(number)
        case .f32: return .double(Double(Float(bitPattern: try reader.read(UInt32.self))))
        case .f64: return .double(Double(bitPattern: try reader.read(UInt64.self)))
        case .bool:
            let byte = try reader.read(UInt8.self)
            guard byte <= 1 else { throw InterchangeError(.invalidHeader, "a truth value is \(byte)") }
            return .bool(byte == 1)
        case .string: return .string(try reader.text(limit: 1 << 20))
        case .array: return .other
        }
    }
}

extension ByteReader {
    /// A count of items that each take at least so many bytes of the file.
    fileprivate mutating func count(itemsOf byteCount: Int, fileByteCount: Int) throws -> Int {
        let count = try read(UInt64.self)
        guard count <= UInt64(fileByteCount / byteCount) else {
            throw InterchangeError(
                .limitExceeded, "it counts \(count) entries, which do not fit into \(fileByteCount) bytes")
        }
        return Int(count)
    }

    /// Skips a text behind its length.
    fileprivate mutating func skipText() throws {
        let count = try read(UInt64.self)
        guard let count = Int(exactly: count) else {
            throw InterchangeError(.limitExceeded, "a text has \(count) bytes")
        }
        try skip(count)
    }

    /// A text behind its length of 64 bits.
    fileprivate mutating func text(limit: Int) throws -> String {
        let count = try read(UInt64.self)
        guard count <= UInt64(limit) else {
            throw InterchangeError(.limitExceeded, "a text has \(count) bytes, at most \(limit) are accepted")
        }
        let bytes = try read(count: Int(count))
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw InterchangeError(.invalidHeader, "a text is not UTF-8")
        }
        return text
    }
}
