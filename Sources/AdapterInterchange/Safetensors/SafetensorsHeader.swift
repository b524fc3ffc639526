import ByteCoding

/// The JSON header of a safetensors file, checked against the size of the data that follows it.
struct SafetensorsHeader {
    /// The largest header that the format allows, in bytes.
    static let maximumByteCount = 100_000_000
    /// The most brackets, braces and commas outside strings: bounds the memory that parsing takes, and with it the
    /// tensors of one file to some 300 000.
    static let maximumTokenCount = 2_000_000

    private static let metadataKey = "__metadata__"

    /// The tensors, ascending by offset.
    let entries: [SafetensorsFile.Entry]
    /// The free map of strings.
    let metadata: [String: String]

    /// Parses a header.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidHeader`, `invalidOffsets`, `unsupportedDType` or
    ///   `limitExceeded`.
    init(parsing text: [UInt8], dataByteCount: Int) throws {
        guard text.first == UInt8(ascii: "{") else {
            throw InterchangeError(.invalidHeader, "the header does not begin with '{'")
        }
        // Padding is spaces (0x20) and nothing else.
        guard let last = text.last(where: { $0 != 0x20 }), last == UInt8(ascii: "}") else {
            throw InterchangeError(.invalidHeader, "the header does not end with '}' and spaces")
        }
        try SafetensorsHeader.checkTokenCount(text)
        let document: MetadataValue
        do {
            document = try JSON.parse(text)
        } catch {
            throw InterchangeError(.invalidHeader, "the header is malformed: \(error)")
        }
        var metadata: [String: String] = [:]
        var entries: [SafetensorsFile.Entry] = []
        for (name, value) in document.map ?? [:] {
            if name == SafetensorsHeader.metadataKey {
                metadata = try SafetensorsHeader.strings(value)
            } else {
                entries.append(try SafetensorsHeader.entry(name, value, dataByteCount: dataByteCount))
            }
        }
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound) == ($1.range.lowerBound, $1.range.upperBound)
                ? $0.name.precedesInUTF8($1.name)
                : ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        var end = 0
        for entry in entries {
            guard entry.range.lowerBound == end else {
                throw InterchangeError(
                    .invalidOffsets,
                    "the tensor '\(entry.name)' begins at byte \(entry.range.lowerBound) of the data, byte \(end) is "
                        + "expected: tensors must follow each other without overlap or hole", name: entry.name)
            }
            end = entry.range.upperBound
        }
        guard end == dataByteCount else {
            throw InterchangeError(
                .invalidOffsets, "the tensors fill \(end) bytes, \(dataByteCount) follow the header")
        }
        self.entries = entries
        self.metadata = metadata
    }

    private static func entry(_ name: String, _ value: MetadataValue, dataByteCount: Int) throws
        -> SafetensorsFile.Entry
    {
        func invalid(_ reason: String) -> InterchangeError {
            InterchangeError(.invalidHeader, "the entry of the tensor '\(name)' \(reason)", name: name)
        }
        guard let fields = value.map else { throw invalid("is not an object") }
        guard let dtypeName = fields["dtype"]?.string, let extents = fields["shape"]?.array,
            let offsets = fields["data_offsets"]?.array, fields.count == 3
        else { throw invalid("does not have exactly dtype, shape and data_offsets") }
        let shape = try extents.map { extent in
            guard let extent = extent.integer, extent >= 0 else { throw invalid("has a shape that is not of sizes") }
            return extent
        }
        guard offsets.count == 2, let begin = offsets[0].integer, let end = offsets[1].integer else {
            throw invalid("has data_offsets that are not two integers")
        }
        guard begin >= 0, begin <= end, end <= dataByteCount else {
            throw InterchangeError(
                .invalidOffsets,
                "the tensor '\(name)' lies at bytes \(begin) to \(end) of \(dataByteCount)", name: name)
        }
        guard let dtype = SafetensorsDType(rawValue: dtypeName) else {
            throw InterchangeError(
                .unsupportedDType, "the tensor '\(name)' has the unknown element type '\(dtypeName)'", name: name)
        }
        var bitCount: Int? = dtype.bitCount
        for extent in shape { bitCount = bitCount?.checkedMultiply(extent) }
        guard let bitCount, bitCount % 8 == 0, bitCount / 8 == end - begin else {
            throw InterchangeError(
                .invalidOffsets,
                "the tensor '\(name)' of \(dtypeName) \(shape) has \(end - begin) bytes, "
                    + "\(bitCount.map { "\($0 / 8)" } ?? "more than any file") are expected", name: name)
        }
        return SafetensorsFile.Entry(name: name, dtypeName: dtypeName, shape: shape, range: begin..<end)
    }

    private static func strings(_ value: MetadataValue) throws -> [String: String] {
        let invalid = InterchangeError(
            .invalidHeader, "\(metadataKey) is not a map of strings", name: metadataKey)
        // What MLX writes where there is no metadata.
        guard !value.isNull else { return [:] }
        guard let entries = value.map else { throw invalid }
        return try entries.mapValues { value in
            guard let text = value.string else { throw invalid }
            return text
        }
    }

    /// Throws when a JSON text has more entries than ``maximumTokenCount``.
    static func checkTokenCount(_ text: [UInt8]) throws {
        var count = 0
        var isInString = false
        var isEscaped = false
        for byte in text {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            } else if isInString {
                isEscaped = byte == UInt8(ascii: "\\")
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: ",") {
                count += 1
            }
        }
        guard count <= maximumTokenCount else {
            throw InterchangeError(
                .limitExceeded, "the header has \(count) entries, at most \(maximumTokenCount) are accepted")
        }
    }
}
