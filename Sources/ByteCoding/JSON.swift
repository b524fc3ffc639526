/// Strict JSON (RFC 8259) between text and ``MetadataValue``.
///
/// Our own parser because Foundation's loses what this project must keep: the difference between `1` and `1.0`, and
/// the fact that a key occurred twice.
public enum JSON {
    /// How deep arrays and objects may nest.
    package static let maximumDepth = 64

    /// Parses one JSON document; anything but white space after it is an error.
    ///
    /// - Parameter approximatesLargeIntegers: whether an integer of more than 64 bits becomes a double instead of an
    ///   error: transformers writes 10³⁰ where a limit is not known.
    public static func parse(
        _ text: [UInt8], approximatesLargeIntegers: Bool = false
    ) throws(ByteCodingError) -> MetadataValue {
        var parser = JSONParser(text.span, approximatesLargeIntegers: approximatesLargeIntegers)
        return try parser.parseDocument()
    }

    /// Writes a value with sorted keys; `indented` puts every entry on a line of its own, two spaces a level.
    ///
    /// Not-finite numbers have no JSON and become `null`.
    public static func text(_ value: MetadataValue, indented: Bool = false) -> String {
        var output = ""
        write(value, indented: indented, level: 0, to: &output)
        return output
    }

    private static func write(_ value: MetadataValue, indented: Bool, level: Int, to output: inout String) {
        switch value {
        case .null: output += "null"
        case .bool(let value): output += value ? "true" : "false"
        case .integer(let value): output += String(value)
        case .double(let value): output += value.isFinite ? value.description : "null"
        case .string(let value): writeString(value, to: &output)
        case .array(let elements):
            writeSequence(elements, "[", "]", indented, level, &output) { element, output in
                write(element, indented: indented, level: level + 1, to: &output)
            }
        case .map(let entries):
            let sorted = entries.sorted { $0.key.precedesInUTF8($1.key) }
            writeSequence(sorted, "{", "}", indented, level, &output) { entry, output in
                writeString(entry.key, to: &output)
                output += indented ? ": " : ":"
                write(entry.value, indented: indented, level: level + 1, to: &output)
            }
        }
    }

    private static func writeSequence<Element>(
        _ elements: [Element], _ open: String, _ close: String, _ indented: Bool, _ level: Int,
        _ output: inout String, writeElement: (Element, inout String) -> Void
    ) {
        output += open
        for (index, element) in elements.enumerated() {
            if index > 0 { output += "," }
            if indented { output += "\n" + String(repeating: "  ", count: level + 1) }
            writeElement(element, &output)
        }
        if indented, !elements.isEmpty { output += "\n" + String(repeating: "  ", count: level) }
        output += close
    }

    private static func writeString(_ value: String, to output: inout String) {
        output += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\r": output += "\\r"
            case "\t": output += "\\t"
            case "\u{0}"..."\u{1F}", "\u{7F}":
                let hex = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}

/// Recursive-descent parser with a depth limit.
private struct JSONParser: ~Escapable {
    private var reader: ByteReader
    private let approximatesLargeIntegers: Bool

    @_lifetime(copy text)
    init(_ text: Span<UInt8>, approximatesLargeIntegers: Bool) {
        reader = ByteReader(text)
        self.approximatesLargeIntegers = approximatesLargeIntegers
    }

    mutating func parseDocument() throws(ByteCodingError) -> MetadataValue {
        skipWhitespace()
        let value = try parseValue(depth: 0)
        skipWhitespace()
        guard reader.remaining == 0 else { throw invalid("unexpected text after the document") }
        return value
    }

    private mutating func parseValue(depth: Int) throws(ByteCodingError) -> MetadataValue {
        switch reader.peek() {
        case UInt8(ascii: "{"): return try parseObject(depth: depth)
        case UInt8(ascii: "["): return try parseArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseLiteral("true", .bool(true))
        case UInt8(ascii: "f"): return try parseLiteral("false", .bool(false))
        case UInt8(ascii: "n"): return try parseLiteral("null", .null)
        case UInt8(ascii: "-"): return try parseNumber()
        case let digit? where isDigit(digit): return try parseNumber()
        case nil: throw invalid("the text ends where a value is expected")
        default: throw invalid("a value is expected")
        }
    }

    private mutating func parseObject(depth: Int) throws(ByteCodingError) -> MetadataValue {
        try checkDepth(depth)
        try expect("{")
        var entries: [String: MetadataValue] = [:]
        skipWhitespace()
        if take("}") { return .map(entries) }
        while true {
            skipWhitespace()
            guard reader.peek() == UInt8(ascii: "\"") else { throw invalid("a key in quotes is expected") }
            let key = try parseString()
            skipWhitespace()
            try expect(":")
            skipWhitespace()
            let value = try parseValue(depth: depth + 1)
            guard entries.updateValue(value, forKey: key) == nil else {
                throw invalid("the key '\(key)' occurs twice in one object")
            }
            skipWhitespace()
            if take("}") { return .map(entries) }
            try expect(",")
        }
    }

    private mutating func parseArray(depth: Int) throws(ByteCodingError) -> MetadataValue {
        try checkDepth(depth)
        try expect("[")
        var elements: [MetadataValue] = []
        skipWhitespace()
        if take("]") { return .array(elements) }
        while true {
            skipWhitespace()
            elements.append(try parseValue(depth: depth + 1))
            skipWhitespace()
            if take("]") { return .array(elements) }
            try expect(",")
        }
    }

    private func checkDepth(_ depth: Int) throws(ByteCodingError) {
        guard depth < JSON.maximumDepth else {
            throw ByteCodingError(
                .limitExceeded, "JSON nests deeper than \(JSON.maximumDepth) levels", byteOffset: reader.position)
        }
    }

    private mutating func parseString() throws(ByteCodingError) -> String {
        let start = reader.position
        try expect("\"")
        var utf8: [UInt8] = []
        while true {
            guard let byte = reader.peek() else { throw invalid("a string has no closing quote") }
            try reader.skip(1)
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: utf8, as: UTF8.self) else {
                    throw ByteCodingError(.invalidUTF8, "a JSON string is not valid UTF-8", byteOffset: start)
                }
                return text
            case UInt8(ascii: "\\"):
                utf8.append(contentsOf: String(Character(try parseEscape())).utf8)
            case 0..<0x20: throw invalid("a control character stands unescaped in a string")
            default: utf8.append(byte)
            }
        }
    }

    private mutating func parseEscape() throws(ByteCodingError) -> Unicode.Scalar {
        let escape = try reader.read(UInt8.self)
        switch escape {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw invalid("an escape sequence is not one of JSON's")
        }
        var unit = UInt32(try parseHexUnit())
        if (0xD800..<0xDC00).contains(unit) {
            try expect("\\")
            try expect("u")
            let low = UInt32(try parseHexUnit())
            guard (0xDC00..<0xE000).contains(low) else { throw invalid("a surrogate pair is incomplete") }
            unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(unit) else { throw invalid("a surrogate stands alone") }
        return scalar
    }

    private mutating func parseHexUnit() throws(ByteCodingError) -> UInt16 {
        let digits = try reader.readUTF8(count: 4)
        guard digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }), let unit = UInt16(digits, radix: 16)
        else { throw invalid("four hexadecimal digits are expected") }
        return unit
    }

    private mutating func parseNumber() throws(ByteCodingError) -> MetadataValue {
        let start = reader.position
        var text = ""
        var isInteger = true
        if take("-") { text = "-" }
        let leadingZero = reader.peek() == UInt8(ascii: "0")
        let integerDigits = takeDigits(into: &text)
        guard integerDigits > 0, !(leadingZero && integerDigits > 1) else { throw invalid("a number is malformed") }
        if take(".") {
            isInteger = false
            text += "."
            guard takeDigits(into: &text) > 0 else { throw invalid("a fraction has no digits") }
        }
        if let mark = reader.peek(), mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
            isInteger = false
            try reader.skip(1)
            text += "e"
            if take("-") { text += "-" } else { _ = take("+") }
            guard takeDigits(into: &text) > 0 else { throw invalid("an exponent has no digits") }
        }
        if isInteger {
            if let value = Int64(text) { return .integer(value) }
            guard approximatesLargeIntegers else {
                throw ByteCodingError(
                    .notRepresentable, "the integer \(text.prefix(40)) needs more than 64 bits", byteOffset: start)
            }
        }
        guard let value = Double(text), value.isFinite else {
            throw ByteCodingError(
                .notRepresentable, "the number \(text.prefix(40)) exceeds double precision", byteOffset: start)
        }
        return .double(value)
    }

    private mutating func takeDigits(into text: inout String) -> Int {
        var count = 0
        while let byte = reader.peek(), isDigit(byte) {
            text.unicodeScalars.append(Unicode.Scalar(byte))
            count += 1
            do { try reader.skip(1) } catch { return count }
        }
        return count
    }

    private mutating func parseLiteral(_ word: StaticString, _ value: MetadataValue) throws(ByteCodingError)
        -> MetadataValue
    {
        let text = word.description
        let found = try reader.read(count: min(text.utf8.count, reader.remaining))
        guard found.elementsEqual(text.utf8) else { throw invalid("'\(text)' is expected") }
        return value
    }

    private mutating func skipWhitespace() {
        while let byte = reader.peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
            do { try reader.skip(1) } catch { return }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = reader.peek(), UInt32(byte) == character.value else { return false }
        do { try reader.skip(1) } catch { return false }
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(ByteCodingError) {
        guard take(character) else { throw invalid("'\(character)' is expected") }
    }

    private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private func invalid(_ reason: String) -> ByteCodingError {
        ByteCodingError(.invalidJSON, "The text is not valid JSON: \(reason)", byteOffset: reader.position)
    }
}
