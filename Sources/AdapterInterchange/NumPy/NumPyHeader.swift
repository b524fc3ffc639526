import ByteCoding
import Tensors

/// The start of an `.npy` file: element type, order and extents, and where the data begin.
///
/// The description is a Python dictionary; only the form that NumPy writes is accepted
/// (<https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).
struct NumPyHeader: Equatable {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// The most bytes before the data.
    static let maximumByteCount = 65_536

    /// The element type as NumPy spells it: `<f4`.
    let descriptor: String
    /// Whether the first extent varies fastest.
    let isColumnMajor: Bool
    let shape: [Int]
    /// Where the data begin.
    let dataOffset: Int

    /// Parses the start of a file.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidHeader` or `truncated`.
    init(parsing bytes: [UInt8]) throws {
        do {
            var reader = ByteReader(bytes.span)
            guard try reader.read(count: 6) == NumPyHeader.magic else {
                throw InterchangeError(.invalidHeader, "an array does not begin with NumPy's magic")
            }
            let version = try reader.read(UInt8.self)
            try reader.skip(1)
            guard (1...3).contains(version) else {
                throw InterchangeError(.invalidHeader, "an array has the format version \(version), 1 to 3 are known")
            }
            let count = version == 1 ? Int(try reader.read(UInt16.self)) : Int(try reader.read(UInt32.self))
            let text = try reader.readUTF8(count: count)
            self = try NumPyHeader(text: text, dataOffset: reader.offset)
        } catch let error as ByteCodingError {
            throw InterchangeError(.truncated, "an array's header is malformed: \(error)")
        }
    }

    private init(text: String, dataOffset: Int) throws {
        var scanner = PythonScanner(text)
        var descriptor: String?
        var isColumnMajor: Bool?
        var shape: [Int]?
        try scanner.expect("{")
        while !scanner.take("}") {
            let key = try scanner.string()
            try scanner.expect(":")
            switch key {
            case "descr" where descriptor == nil: descriptor = try scanner.string()
            case "fortran_order" where isColumnMajor == nil: isColumnMajor = try scanner.flag()
            case "shape" where shape == nil: shape = try scanner.extents()
            default: throw InterchangeError(.invalidHeader, "an array's header has the entry '\(key)'")
            }
            if !scanner.take(",") {
                try scanner.expect("}")
                break
            }
        }
        guard let descriptor, let isColumnMajor, let shape, scanner.isAtEnd else {
            throw InterchangeError(.invalidHeader, "an array's header lacks descr, fortran_order or shape")
        }
        self.descriptor = descriptor
        self.isColumnMajor = isColumnMajor
        self.shape = shape
        self.dataOffset = dataOffset
    }

    /// A header of version 1 that ends at a multiple of 64, as NumPy writes it.
    static func bytes(descriptor: String, shape: [Int]) -> [UInt8] {
        let extents = shape.map { "\($0), " }.joined()
        let tuple = shape.count == 1 ? "(\(shape[0]),)" : "(\(extents.isEmpty ? "" : String(extents.dropLast(2))))"
        var text = Array("{'descr': '\(descriptor)', 'fortran_order': False, 'shape': \(tuple), }".utf8)
        text += [UInt8](repeating: 0x20, count: (magic.count + 4 + text.count + 1).padding(to: 64)) + [0x0A]
        var writer = ByteWriter()
        writer.write(magic)
        writer.write([1, 0])
        writer.write(UInt16(text.count))
        writer.write(text)
        return writer.bytes
    }
}

/// Reads the few Python literals that an array's header holds.
private struct PythonScanner {
    private let text: [UInt8]
    private var position = 0

    init(_ text: String) {
        self.text = Array(text.utf8)
    }

    private var invalid: InterchangeError {
        InterchangeError(.invalidHeader, "an array's header is not as NumPy writes it, at character \(position)")
    }

    private mutating func skipSpace() {
        while position < text.count, text[position] == 0x20 || text[position] == 0x0A { position += 1 }
    }

    var isAtEnd: Bool { text[position...].allSatisfy { $0 == 0x20 || $0 == 0x0A } }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < text.count, text[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws {
        guard take(character) else { throw invalid }
    }

    mutating func string() throws -> String {
        skipSpace()
        guard position < text.count, text[position] == UInt8(ascii: "'") || text[position] == UInt8(ascii: "\"") else {
            throw invalid
        }
        let quote = text[position]
        guard let end = text[(position + 1)...].firstIndex(of: quote) else { throw invalid }
        defer { position = end + 1 }
        let content = text[(position + 1)..<end]
        guard content.count <= 64, !content.contains(UInt8(ascii: "\\")) else { throw invalid }
        return String(decoding: content, as: UTF8.self)
    }

    mutating func flag() throws -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where text[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw invalid
    }

    mutating func extents() throws -> [Int] {
        try expect("(")
        var extents: [Int] = []
        while !take(")") {
            skipSpace()
            let digits = text[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard let extent = Int(String(decoding: digits.prefix(16), as: UTF8.self)), digits.count <= 15,
                extents.count < 32
            else { throw invalid }
            position += digits.count
            extents.append(extent)
            if !take(",") {
                try expect(")")
                break
            }
        }
        return extents
    }
}
