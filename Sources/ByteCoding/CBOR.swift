/// Deterministic CBOR (RFC 8949, section 4.2.1) between bytes and ``MetadataValue``.
///
/// One value has one encoding: shortest heads, definite lengths, floating-point numbers in the shortest width that
/// keeps their value, map keys in ascending order of their encoded bytes. The decoder refuses everything else.
package enum CBOR {
    /// How deep arrays and maps may nest.
    package static let maximumDepth = 16
    /// How many items, keys and containers among them, a document may hold: in memory they take many times their bytes.
    package static let maximumItemCount = 1 << 20
    /// The one NaN, in binary16.
    private static let canonicalNaN: UInt16 = 0x7E00

    /// The deterministic encoding of a value.
    ///
    /// - Throws: ``ByteCodingError`` with code `limitExceeded` when the value nests deeper than a reader accepts, or
    ///   has more items.
    package static func encode(_ value: MetadataValue) throws(ByteCodingError) -> [UInt8] {
        var writer = ByteWriter()
        var itemCount = 0
        try write(value, to: &writer, depth: 0, itemCount: &itemCount)
        return writer.bytes
    }

    /// Decodes exactly one value that fills `bytes`.
    package static func decode(_ bytes: [UInt8], baseOffset: Int = 0) throws(ByteCodingError) -> MetadataValue {
        var reader = ByteReader(bytes.span, baseOffset: baseOffset)
        var itemCount = 0
        let value = try read(from: &reader, depth: 0, itemCount: &itemCount)
        guard reader.remaining == 0 else { throw invalid("bytes follow the value", reader.position) }
        return value
    }

    // MARK: Encoding

    private static func write(_ value: MetadataValue, to writer: inout ByteWriter, depth: Int, itemCount: inout Int)
        throws(ByteCodingError)
    {
        try count(&itemCount, byteOffset: writer.bytes.count)
        switch value {
        case .null: writer.write(UInt8(0xF6))
        case .bool(let value): writer.write(UInt8(value ? 0xF5 : 0xF4))
        case .integer(let value):
            if value >= 0 {
                writeHead(0, UInt64(value), to: &writer)
            } else {
                writeHead(1, UInt64(-1 - value), to: &writer)
            }
        case .double(let value): writeDouble(value, to: &writer)
        case .string(let value): writeString(value, to: &writer)
        case .array(let elements):
            try checkDepth(depth, byteOffset: writer.bytes.count)
            writeHead(4, UInt64(elements.count), to: &writer)
            for element in elements { try write(element, to: &writer, depth: depth + 1, itemCount: &itemCount) }
        case .map(let entries):
            try checkDepth(depth, byteOffset: writer.bytes.count)
            writeHead(5, UInt64(entries.count), to: &writer)
            let encoded = entries.map { (key: encodedText($0.key), value: $0.value) }
            for entry in encoded.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
                try count(&itemCount, byteOffset: writer.bytes.count)
                writer.write(entry.key)
                try write(entry.value, to: &writer, depth: depth + 1, itemCount: &itemCount)
            }
        }
    }

    private static func encodedText(_ value: String) -> [UInt8] {
        var writer = ByteWriter()
        writeString(value, to: &writer)
        return writer.bytes
    }

    private static func writeString(_ value: String, to writer: inout ByteWriter) {
        writeHead(3, UInt64(value.utf8.count), to: &writer)
        writer.write(value.utf8)
    }

    private static func writeHead(_ major: UInt8, _ argument: UInt64, to writer: inout ByteWriter) {
        switch argument {
        case 0..<24: writer.write(major << 5 | UInt8(argument))
        case 24...0xFF:
            writer.write(major << 5 | 24)
            writer.write(UInt8(argument))
        case 0x100...0xFFFF:
            writer.write(major << 5 | 25)
            writer.write(UInt16(argument).byteSwapped)
        case 0x1_0000...0xFFFF_FFFF:
            writer.write(major << 5 | 26)
            writer.write(UInt32(argument).byteSwapped)
        default:
            writer.write(major << 5 | 27)
            writer.write(argument.byteSwapped)
        }
    }

    private static func writeDouble(_ value: Double, to writer: inout ByteWriter) {
        if value.isNaN {
            writer.write(UInt8(0xF9))
            writer.write(canonicalNaN.byteSwapped)
        } else if Double(Float16(value)) == value {
            writer.write(UInt8(0xF9))
            writer.write(Float16(value).bitPattern.byteSwapped)
        } else if Double(Float(value)) == value {
            writer.write(UInt8(0xFA))
            writer.write(Float(value).bitPattern.byteSwapped)
        } else {
            writer.write(UInt8(0xFB))
            writer.write(value.bitPattern.byteSwapped)
        }
    }

    // MARK: Decoding

    private static func read(from reader: inout ByteReader, depth: Int, itemCount: inout Int)
        throws(ByteCodingError) -> MetadataValue
    {
        let start = reader.position
        try count(&itemCount, byteOffset: start)
        let initial = try reader.read(UInt8.self)
        let major = initial >> 5
        let minor = initial & 0x1F
        if major == 7 { return try readSimple(minor, from: &reader, start: start) }
        let argument = try readArgument(minor, from: &reader, start: start)
        switch major {
        case 0:
            guard let value = Int64(exactly: argument) else {
                throw invalid("an integer needs more than 64 bits", start)
            }
            return .integer(value)
        case 1:
            guard let value = Int64(exactly: argument) else {
                throw invalid("an integer needs more than 64 bits", start)
            }
            return .integer(-1 - value)
        case 3: return .string(try readText(argument, from: &reader))
        case 4:
            return try readArray(argument, from: &reader, depth: depth, start: start, itemCount: &itemCount)
        case 5:
            return try readMap(argument, from: &reader, depth: depth, start: start, itemCount: &itemCount)
        default: throw invalid("major type \(major) is not used in this format", start)
        }
    }

    private static func readArgument(_ minor: UInt8, from reader: inout ByteReader, start: Int) throws(ByteCodingError)
        -> UInt64
    {
        let value: UInt64
        let least: UInt64
        switch minor {
        case 0..<24: return UInt64(minor)
        case 24: (value, least) = (UInt64(try reader.read(UInt8.self)), 24)
        case 25: (value, least) = (UInt64(try reader.read(UInt16.self).byteSwapped), 0x100)
        case 26: (value, least) = (UInt64(try reader.read(UInt32.self).byteSwapped), 0x1_0000)
        case 27: (value, least) = (try reader.read(UInt64.self).byteSwapped, 0x1_0000_0000)
        default: throw invalid("a length is indefinite or reserved", start)
        }
        guard value >= least else { throw invalid("a number is not in its shortest form", start) }
        return value
    }

    private static func readText(_ count: UInt64, from reader: inout ByteReader) throws(ByteCodingError) -> String {
        guard let count = Int(exactly: count) else { throw invalid("a text exceeds the input", reader.position) }
        return try reader.readUTF8(count: count)
    }

    private static func readArray(
        _ count: UInt64, from reader: inout ByteReader, depth: Int, start: Int, itemCount: inout Int
    ) throws(ByteCodingError) -> MetadataValue {
        try checkDepth(depth, byteOffset: start)
        // Each element takes at least one byte, so a count beyond the rest is a lie and nothing is allocated for it.
        guard count <= UInt64(reader.remaining) else { throw invalid("an array exceeds the input", start) }
        var elements: [MetadataValue] = []
        for _ in 0..<count { elements.append(try read(from: &reader, depth: depth + 1, itemCount: &itemCount)) }
        return .array(elements)
    }

    private static func readMap(
        _ count: UInt64, from reader: inout ByteReader, depth: Int, start: Int, itemCount: inout Int
    ) throws(ByteCodingError) -> MetadataValue {
        try checkDepth(depth, byteOffset: start)
        guard count <= UInt64(reader.remaining / 2) else { throw invalid("a map exceeds the input", start) }
        var entries: [String: MetadataValue] = [:]
        var previous: [UInt8] = []
        for _ in 0..<count {
            let keyStart = reader.position
            guard case .string(let key) = try read(from: &reader, depth: depth + 1, itemCount: &itemCount) else {
                throw invalid("a map key is not text", keyStart)
            }
            let encoded = encodedText(key)
            guard previous.lexicographicallyPrecedes(encoded) else {
                throw invalid("map keys are not in ascending order", keyStart)
            }
            previous = encoded
            let value = try read(from: &reader, depth: depth + 1, itemCount: &itemCount)
            guard entries.updateValue(value, forKey: key) == nil else {
                throw invalid("the key '\(key)' occurs twice", keyStart)
            }
        }
        return .map(entries)
    }

    private static func readSimple(_ minor: UInt8, from reader: inout ByteReader, start: Int) throws(ByteCodingError)
        -> MetadataValue
    {
        let value: Double
        var isCanonical = true
        switch minor {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 22: return .null
        case 25:
            let half = Float16(bitPattern: try reader.read(UInt16.self).byteSwapped)
            value = Double(half)
            isCanonical = !half.isNaN || half.bitPattern == canonicalNaN
        case 26: value = Double(Float(bitPattern: try reader.read(UInt32.self).byteSwapped))
        case 27: value = Double(bitPattern: try reader.read(UInt64.self).byteSwapped)
        default: throw invalid("simple value \(minor) is not used in this format", start)
        }
        // Whether a shorter width keeps the value is found by encoding it again.
        var writer = ByteWriter(capacity: 9)
        writeDouble(value, to: &writer)
        guard isCanonical, writer.bytes.count == reader.position - start else {
            throw invalid("a floating-point number is not in its shortest form", start)
        }
        return .double(value)
    }

    private static func checkDepth(_ depth: Int, byteOffset: Int) throws(ByteCodingError) {
        guard depth < maximumDepth else {
            throw ByteCodingError(
                .limitExceeded, "CBOR nests deeper than \(maximumDepth) levels", byteOffset: byteOffset)
        }
    }

    private static func count(_ itemCount: inout Int, byteOffset: Int) throws(ByteCodingError) {
        itemCount += 1
        guard itemCount <= maximumItemCount else {
            throw ByteCodingError(
                .limitExceeded, "CBOR holds more than \(maximumItemCount) items", byteOffset: byteOffset)
        }
    }

    private static func invalid(_ reason: String, _ offset: Int) -> ByteCodingError {
        ByteCodingError(.invalidCBOR, "The bytes are not deterministic CBOR: \(reason)", byteOffset: offset)
    }
}
