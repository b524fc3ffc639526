import AdapterTesting
import ByteCoding
import Glibc
import Testing

/// RFC 8259, in the manner of JSONTestSuite: what must be accepted, what must be refused, and that nothing traps.
struct JSONParsingTests {
    static let accepted: [(String, MetadataValue)] = [
        // Literals and white space.
        ("null", .null), ("true", .bool(true)), ("false", .bool(false)), (" \t\r\n null \n", .null),
        // Integers.
        ("0", .integer(0)), ("-0", .integer(0)), ("1", .integer(1)), ("-1", .integer(-1)), ("10", .integer(10)),
        ("9007199254740993", .integer(9_007_199_254_740_993)), ("9223372036854775807", .integer(.max)),
        ("-9223372036854775808", .integer(.min)),
        // Numbers with a fraction or an exponent.
        ("1.0", .double(1)), ("0.5", .double(0.5)), ("-0.0", .double(-0.0)), ("0e1", .double(0)),
        ("-0e-1", .double(-0.0)),
        ("1e5", .double(100_000)), ("1E5", .double(100_000)), ("1e+5", .double(100_000)), ("1e-5", .double(0.00001)),
        ("1.5E+2", .double(150)), ("0.1", .double(0.1)), ("123.456e78", .double(1.23456e80)),
        ("1e-400", .double(0)), ("-1e-400", .double(-0.0)), ("5e-324", .double(.leastNonzeroMagnitude)),
        ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)),
        // 2⁵³ + 1 lies between two doubles and 2⁵³ + 1 + 2⁻⁵⁰ above the middle: every digit must count.
        ("9007199254740993.0", .double(9_007_199_254_740_992)),
        ("9007199254740993.000000000000001", .double(9_007_199_254_740_994)),
        ("9223372036854775808.0", .double(0x1p63)),
        // Strings and escapes.
        (#""""#, .string("")), (#""a""#, .string("a")), (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")),
        (#""\u0000""#, .string("\u{0}")), (#""\u00e9\u00E9""#, .string("éé")), (#""\u6c34""#, .string("水")),
        (#""\ud83d\ude00""#, .string("😀")), (#""\uDBFF\uDFFF""#, .string("\u{10FFFF}")),
        (#""\uFFFF""#, .string("\u{FFFF}")),
        ("\"\u{7F}\"", .string("\u{7F}")), ("\"é水😀\u{2028}\"", .string("é水😀\u{2028}")),
        (#""e\u0301""#, .string("e\u{301}")),
        // Arrays and objects.
        ("[]", .array([])), ("[ ]", .array([])), ("[1]", .array([.integer(1)])),
        (" [ 1 , [ 2.0 ] , \"3\" ] ", .array([.integer(1), .array([.double(2)]), .string("3")])),
        ("{}", .map([:])), ("{ }", .map([:])), (#"{"":0}"#, .map(["": .integer(0)])),
        (#" { "a" : 1 , "b" : { "a" : null } } "#, .map(["a": .integer(1), "b": .map(["a": .null])])),
        (#"{"A":1,"a":2}"#, .map(["A": .integer(1), "a": .integer(2)])),
    ]

    @Test(arguments: accepted) func `valid documents are read`(text: String, value: MetadataValue) throws {
        let parsed = try JSON.parse(Array(text.utf8))
        #expect(RandomMetadata.areIdentical(parsed, value), "\(parsed)")
    }

    @Test(arguments: [
        "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-Infinity", "-", "+1", "01", "-01", "00", "-00.5", "1.",
        "-1.",
        ".5", "-.5", "1.e1", "1e", "1e+", "1E-", "1e1.5", "1ee1", "0x1", "0b1", "1_000", "1 2", "1,", "--1", "1.2.3",
        "1f",
        "\"", "\"a", #""\"#, #""\""#, #""\a""#, #""\x41""#, #""\U0041""#, #""\u""#, #""\u12""#, #""\u12g4""#,
        #""\u+123""#,
        #""\u 123""#, #""\u-123""#, #""\ud800""#, #""\ud800a""#, #""\ud800\n""#, #""\ud800\u0041""#, #""\ud800\ud800""#,
        #""\ud800\ue000""#, #""\ud83d\uffff""#,
        #""\udc00""#, #""\ude00\ud83d""#, "'a'", "a", "\"\t\"", "\"\n\"", "\"\u{0}\"", "\"\u{1F}\"", "\"a\"b", "[", "]",
        "[1",
        "[1,", "[,1]", "[1,]", "[1,,2]", "[1 2]", "[1}", "[1]]", "[\"a\"", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1",
        "{\"a\":1,", "{\"a\":1,}", "{,}", "{a:1}", "{1:1}", "{null:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1]",
        "{\"a\"::1}",
        "{'a':1}", "{\"a\":1}}", "null null", "[] []", "//c\n1", "/**/1", "1//c", "#1", "\u{FEFF}null", "\u{A0}null",
        "null\u{0}",
        "\u{0B}null", "[\u{0C}]", "True", "nUll", "TRUE", "\u{2028}1",
    ])
    func `malformed documents are refused`(text: String) {
        #expect(throws: ByteCodingError.self) { try JSON.parse(Array(text.utf8)) }
    }

    @Test(arguments: [
        #"{"a":1,"a":1}"#, #"{"a":1,"b":2,"a":3}"#, #"{"a":1,"\u0061":2}"#, #"[{"x":{"":1,"":1}}]"#,
        // The same letter in two spellings: a person could not tell the keys apart, and Swift's dictionaries do not.
        "{\"\u{E9}\":1,\"e\u{301}\":2}",
    ])
    func `a key that occurs twice is refused`(text: String) throws {
        let error = #expect(throws: ByteCodingError.self) { try JSON.parse(Array(text.utf8)) }
        #expect(error?.code == .invalidJSON)
        #expect(error?.message.contains("occurs twice") == true)
    }

    @Test(
        arguments: [
            [0xFF], [0x80], [0xC3], [0xC0, 0xAF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xED, 0xB0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0x61, 0xE6, 0xB0],
        ] as [[UInt8]])
    func `strings that are not UTF-8 are refused`(content: [UInt8]) {
        let quote = UInt8(ascii: "\"")
        for document in [[quote] + content + [quote], Array("{\"".utf8) + content + Array("\":1}".utf8)] {
            let error = #expect(throws: ByteCodingError.self) { try JSON.parse(document) }
            #expect(error?.code == .invalidUTF8)
        }
        #expect(throws: ByteCodingError.self) { try JSON.parse(content) }
    }

    @Test(arguments: [
        "9223372036854775808", "-9223372036854775809", "100000000000000000000", String(repeating: "9", count: 10_000),
        "1e309", "-1e309", "1e400", "1e99999999999999999999", "1.7976931348623159e308",
        String(repeating: "9", count: 400) + ".0",
    ])
    func `numbers out of range are refused, not rounded`(text: String) {
        let error = #expect(throws: ByteCodingError.self) { try JSON.parse(Array("[\(text)]".utf8)) }
        #expect(error?.code == .notRepresentable)
        #expect(error?.byteOffset == 1)
        #expect((error?.message.utf8.count ?? 0) < 120)
    }

    @Test func `errors name the byte`() {
        let cases = [("[1, x]", 4), ("{\"a\":1,\"a\":2}", 12), ("null x", 5), ("\"ab", 3)]
        for (text, offset) in cases {
            let error = #expect(throws: ByteCodingError.self) { try JSON.parse(Array(text.utf8)) }
            #expect(error?.byteOffset == offset, "\(text)")
        }
    }

    @Test(arguments: ["1", "\"a\"", "{}", "[]", ""])
    func `arrays and objects nest up to the limit, whatever stands inside`(innermost: String) throws {
        let isContainer = innermost == "{}" || innermost == "[]"
        let levels = JSON.maximumDepth - (isContainer ? 1 : 0)
        func nested(_ levels: Int, _ open: String, _ close: String) -> [UInt8] {
            Array((String(repeating: open, count: levels) + innermost + String(repeating: close, count: levels)).utf8)
        }
        _ = try JSON.parse(nested(levels, "[", "]"))
        let error = #expect(throws: ByteCodingError.self) { try JSON.parse(nested(levels + 1, "[", "]")) }
        #expect(error?.code == .limitExceeded)
        guard !innermost.isEmpty else { return }
        _ = try JSON.parse(nested(levels, "{\"a\":", "}"))
        let mapError = #expect(throws: ByteCodingError.self) { try JSON.parse(nested(levels + 1, "{\"a\":", "}")) }
        #expect(mapError?.code == .limitExceeded)
    }

    @Test(arguments: ["[", "{\"a\":", "[{\"a\":["]) func `a million brackets do not exhaust the stack`(open: String) {
        let error = #expect(throws: ByteCodingError.self) {
            try JSON.parse(Array(String(repeating: open, count: 1_000_000).utf8))
        }
        #expect(error?.code == .limitExceeded)
    }

    private static let document = Array(
        #"{"r":8,"alpha":-1.5e+2,"é":"水\u00e9\ud83d\ude00\n","t":[true,false,null,{}],"n":{"x":[[0.0]]}}"#.utf8)

    @Test func `every truncation is refused`() throws {
        _ = try JSON.parse(Self.document)
        for count in 0..<Self.document.count {
            #expect(throws: ByteCodingError.self, "first \(count) bytes") {
                try JSON.parse(Array(Self.document[..<count]))
            }
        }
    }

    @Test func `no changed byte traps, and what is still accepted round-trips`() {
        for index in Self.document.indices {
            for byte in UInt8.min...UInt8.max {
                var changed = Self.document
                changed[index] = byte
                guard let value = try? JSON.parse(changed) else { continue }
                let again = try? JSON.parse(Array(JSON.text(value).utf8))
                #expect(again.map { RandomMetadata.areIdentical($0, value) } == true, "byte \(index) = \(byte)")
            }
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func `random text never traps`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]\":,\\ue01-+.9tfnrals \u{E9}\n".utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            let count = Int.random(in: 1...12, using: &generator)
            let text = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            if (try? JSON.parse(text)) != nil { accepted += 1 }
        }
        #expect(accepted > 0)
    }

    @Test(arguments: 0..<10 as Range<UInt64>) func `decimals are rounded as the C library rounds them`(seed: UInt64)
        throws
    {
        var generator = SeededGenerator(seed: seed)
        func digits(_ count: ClosedRange<Int>) -> String {
            let count = Int.random(in: count, using: &generator)
            return String((0..<count).map { _ in "0123456789".randomElement(using: &generator) ?? "0" })
        }
        for _ in 0..<2_000 {
            let text =
                "\(Int.random(in: 1...9, using: &generator))\(digits(0...20)).\(digits(1...30))"
                + "e\(Int.random(in: -330...280, using: &generator))"
            #expect(try JSON.parse(Array(text.utf8)) == .double(strtod(text, nil)), "\(text)")
            // Exactly between two doubles, with and without a last digit that breaks the tie.
            let odd = UInt64.random(in: 1 << 52..<1 << 53, using: &generator) * 2 + 1
            for tie in ["\(odd).0", "\(odd).00000000000000000000001"] {
                #expect(try JSON.parse(Array(tie.utf8)) == .double(strtod(tie, nil)), "\(tie)")
            }
        }
    }

    @Test func `integers of more than 64 bits are approximated when asked to`() throws {
        let text = Array("[1000000000000000019884624838656, 7]".utf8)
        #expect(throws: ByteCodingError.self) { _ = try JSON.parse(text) }
        #expect(try JSON.parse(text, approximatesLargeIntegers: true) == [1e30, 7])
    }
}
