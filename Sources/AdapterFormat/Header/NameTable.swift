internal import ByteCoding

/// The texts that module and tensor records refer to by index (spec clause 6.1).
struct NameTable {
    let names: [String]

    /// The table of the given texts, each once, ascending by bytes.
    init(collecting texts: some Sequence<String>) {
        // Not by Set: Swift's == holds for canonical equivalents, whose bytes differ.
        var names: [String] = []
        for text in texts.sorted(by: { $0.precedesInUTF8($1) }) {
            if let last = names.last, last.utf8.elementsEqual(text.utf8) { continue }
            names.append(text)
        }
        self.names = names
    }

    init(from bytes: [UInt8], baseOffset: Int) throws {
        var reader = ByteReader(bytes.span, baseOffset: baseOffset)
        let count = try reader.readCount(UInt32.self)
        try reader.expectZeros(4)
        guard count <= reader.remaining / 4 else {
            throw FormatError(.malformedTable, "The name table is shorter than its count says.", byteOffset: baseOffset)
        }
        var ends: [Int] = []
        for _ in 0..<count { ends.append(try reader.readCount(UInt32.self)) }
        var names: [String] = []
        var start = 0
        for end in ends {
            let position = reader.position
            guard end >= start, end - start <= FormatConstants.maximumNameByteCount, end - start <= reader.remaining
            else { throw FormatError(.malformedTable, "A name's length is out of range.", byteOffset: position) }
            let raw = try reader.read(count: end - start)
            guard let name = String(validating: raw, as: UTF8.self), raw.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else {
                throw FormatError(
                    .malformedTable, "A name is not valid UTF-8 or holds a control character.", byteOffset: position)
            }
            if let last = names.last, !last.precedesInUTF8(name) {
                throw FormatError(.malformedTable, "Names are not strictly ascending.", byteOffset: position)
            }
            names.append(name)
            start = end
        }
        guard reader.remaining == 0 else {
            throw FormatError(.malformedTable, "Bytes follow the last name.", byteOffset: reader.position)
        }
        self.names = names
    }

    /// The index of a text that the table was made of.
    func index(of name: String) throws -> UInt32 {
        var low = 0
        var high = names.count
        while low < high {
            let middle = (low + high) / 2
            if names[middle].precedesInUTF8(name) { low = middle + 1 } else { high = middle }
        }
        guard low < names.count, names[low].utf8.elementsEqual(name.utf8) else {
            throw FormatError(.notRepresentable, "The name '\(name)' is not in the name table.")
        }
        return UInt32(low)
    }

    /// The text at an index read from a file.
    func name(at index: UInt32, byteOffset: Int) throws -> String {
        guard index < names.count else {
            throw FormatError(
                .malformedTable, "A record refers to name \(index) of \(names.count).", byteOffset: byteOffset)
        }
        return names[Int(index)]
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt32(names.count))
        writer.write(UInt32(0))
        var end: UInt32 = 0
        for name in names {
            end += UInt32(name.utf8.count)
            writer.write(end)
        }
        for name in names { writer.write(name.utf8) }
        return writer.bytes
    }
}
