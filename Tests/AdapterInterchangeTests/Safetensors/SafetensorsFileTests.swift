import AdapterInterchange
import AdapterTesting
import FileSystem
import Tensors
import Testing

@Suite struct SafetensorsFileTests {
    struct Malformed: Sendable, CustomTestStringConvertible {
        let name: String
        let header: String
        var data = 0
        let code: InterchangeError.Code
        var testDescription: String { name }

        init(_ name: String, _ header: String, data: Int = 0, _ code: InterchangeError.Code) {
            self.name = name
            self.header = header
            self.data = data
            self.code = code
        }
    }

    static func entry(_ name: String, _ dtype: String, _ shape: String, _ offsets: String) -> String {
        "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }

    static let malformed = [
        Malformed("empty header", "", .invalidHeader),
        Malformed("not an object", "[]", .invalidHeader),
        Malformed("space before", " {}", .invalidHeader),
        Malformed("newline after", "{}\n", .invalidHeader),
        Malformed("text after", "{} x", .invalidHeader),
        Malformed("two objects", "{}{}", .invalidHeader),
        Malformed("unclosed", "{\"a\":{}", .invalidHeader),
        Malformed("only spaces", "    ", .invalidHeader),
        Malformed("entry is a number", "{\"a\":1}", .invalidHeader),
        Malformed("entry without fields", "{\"a\":{}}", .invalidHeader),
        Malformed("field missing", "{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}", .invalidHeader),
        Malformed(
            "unknown field", "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":1}}", .invalidHeader),
        Malformed(
            "duplicate name", "{\(entry("a", "U8", "[0]", "[0,0]")),\(entry("a", "U8", "[0]", "[0,0]"))}",
            .invalidHeader),
        Malformed(
            "duplicate field", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}",
            .invalidHeader),
        Malformed("metadata is a list", "{\"__metadata__\":[]}", .invalidHeader),
        Malformed("metadata is a text", "{\"__metadata__\":\"x\"}", .invalidHeader),
        Malformed("metadata holds a number", "{\"__metadata__\":{\"a\":1}}", .invalidHeader),
        Malformed("shape is a string", "{\(entry("a", "U8", "\"4\"", "[0,4]"))}", data: 4, .invalidHeader),
        Malformed("negative extent", "{\(entry("a", "U8", "[-4]", "[0,4]"))}", data: 4, .invalidHeader),
        Malformed("fractional extent", "{\(entry("a", "U8", "[4.0]", "[0,4]"))}", data: 4, .invalidHeader),
        Malformed("huge integer", "{\(entry("a", "U8", "[99999999999999999999]", "[0,4]"))}", data: 4, .invalidHeader),
        Malformed("one offset", "{\(entry("a", "U8", "[4]", "[0]"))}", data: 4, .invalidHeader),
        Malformed("three offsets", "{\(entry("a", "U8", "[4]", "[0,4,4]"))}", data: 4, .invalidHeader),
        Malformed("deep nesting", String(repeating: "{\"a\":", count: 70) + "1" + "}", .invalidHeader),
        Malformed("unknown dtype", "{\(entry("a", "F128", "[1]", "[0,16]"))}", data: 16, .unsupportedDType),
        Malformed("begin after end", "{\(entry("a", "U8", "[4]", "[4,0]"))}", data: 4, .invalidOffsets),
        Malformed("negative begin", "{\(entry("a", "U8", "[4]", "[-4,0]"))}", data: 4, .invalidOffsets),
        Malformed("beyond the end", "{\(entry("a", "U8", "[8]", "[0,8]"))}", data: 4, .invalidOffsets),
        Malformed("too short for the shape", "{\(entry("a", "F32", "[2]", "[0,4]"))}", data: 4, .invalidOffsets),
        Malformed("too long for the shape", "{\(entry("a", "U8", "[2]", "[0,4]"))}", data: 4, .invalidOffsets),
        Malformed(
            "product wraps to zero", "{\(entry("a", "U8", "[4294967296,4294967296]", "[0,0]"))}", .invalidOffsets),
        Malformed(
            "product wraps with size", "{\(entry("a", "F64", "[2305843009213693952]", "[0,0]"))}", .invalidOffsets),
        Malformed("half a byte", "{\(entry("a", "F4", "[3]", "[0,1]"))}", data: 1, .invalidOffsets),
        Malformed("hole at the start", "{\(entry("a", "U8", "[4]", "[4,8]"))}", data: 8, .invalidOffsets),
        Malformed(
            "hole between", "{\(entry("a", "U8", "[2]", "[0,2]")),\(entry("b", "U8", "[2]", "[4,6]"))}", data: 6,
            .invalidOffsets),
        Malformed(
            "overlap", "{\(entry("a", "U8", "[4]", "[0,4]")),\(entry("b", "U8", "[4]", "[2,6]"))}", data: 6,
            .invalidOffsets),
        Malformed(
            "same bytes twice", "{\(entry("a", "U8", "[4]", "[0,4]")),\(entry("b", "U8", "[4]", "[0,4]"))}", data: 4,
            .invalidOffsets),
        Malformed("bytes after the last", "{\(entry("a", "U8", "[4]", "[0,4]"))}", data: 5, .invalidOffsets),
        Malformed("bytes without tensors", "{}", data: 1, .invalidOffsets),
    ]

    @Test(arguments: malformed)
    func `malformed headers are refused`(_ malformed: Malformed) throws {
        try Scratch.with { folder in
            let path = try Scratch.file(folder, Scratch.safetensors(malformed.header, malformed.data))
            let error = #expect(throws: InterchangeError.self) { try SafetensorsFile(opening: path) }
            #expect(error?.code == malformed.code)
            #expect(error?.path == path)
        }
    }

    @Test func `lengths that lie are refused`() throws {
        try Scratch.with { folder in
            let cases: [([UInt8], InterchangeError.Code)] = [
                ([], .truncated), ([1, 0, 0, 0, 0, 0, 0], .truncated),
                ([3, 0, 0, 0, 0, 0, 0, 0] + Array("{}".utf8), .truncated),
                (Array(repeating: 0xFF, count: 8) + Array("{}".utf8), .limitExceeded),
                ([1, 0xE1, 0xF5, 0x05, 0, 0, 0, 0] + Array("{}".utf8), .limitExceeded),
                ([0, 0, 0, 0, 0, 0, 0, 0], .invalidHeader),
            ]
            for (bytes, code) in cases {
                let path = try Scratch.file(folder, bytes)
                let error = #expect(throws: InterchangeError.self) { try SafetensorsFile(opening: path) }
                #expect(error?.code == code)
            }
        }
    }

    @Test func `a header of countless values is refused before it is parsed`() throws {
        try Scratch.with { folder in
            let header = "{\"a\":[" + String(repeating: "0,", count: 3_000_000) + "0]}"
            let path = try Scratch.file(folder, Scratch.safetensors(header, 0))
            let error = #expect(throws: InterchangeError.self) { try SafetensorsFile(opening: path) }
            #expect(error?.code == .limitExceeded)
        }
    }

    @Test func `every cut and every changed byte ends in a value or an error`() throws {
        let whole = try Scratch.contents(Fixtures.peft("cnn-conv-linear") + "/" + PEFT.tensorsName)
        let header = 8 + Int(whole[0]) + Int(whole[1]) << 8
        try Scratch.with { folder in
            for length in 0..<whole.count {
                try Scratch.withFile(folder, Array(whole[..<length])) { path in
                    #expect(throws: InterchangeError.self) { try SafetensorsFile(opening: path) }
                }
            }
            for position in 0..<header {
                for value: UInt8 in [0, 0x20, 0x22, 0x30, 0x39, 0x7D, 0xFF] {
                    var changed = whole
                    changed[position] = value
                    try Scratch.withFile(folder, changed) { path in
                        guard let file = try? SafetensorsFile(opening: path) else { return }
                        for entry in file.entries {
                            let count = try file.bytes(of: entry).count
                            #expect(count == entry.range.count)
                        }
                    }
                }
            }
        }
    }

    @Test func `element types without a tensor are listed and read as bytes`() throws {
        try Scratch.with { folder in
            let header =
                "{\"__metadata__\":{\"k\":\"v\"},\(Self.entry("n", "I64", "[1]", "[0,8]")),"
                + "\(Self.entry("m", "BOOL", "[2]", "[8,10]")),\(Self.entry("f", "F4", "[2,2]", "[10,12]"))}  "
            let path = try Scratch.file(folder, Scratch.safetensors(header, 12))
            let file = try SafetensorsFile(opening: path)
            #expect(file.metadata == ["k": "v"])
            #expect(file.entries.map(\.name) == ["n", "m", "f"])
            #expect(file.entries.map(\.dtypeName) == ["I64", "BOOL", "F4"])
            #expect(file.entries[2].shape == [2, 2])
            #expect(try file.bytes(of: file.entries[1]) == [8, 9])
            let error = #expect(throws: InterchangeError.self) { try file.tensor(file.entries[0]) }
            #expect(error?.code == .unsupportedDType)
            #expect(error?.name == "n")
            #expect(error?.message.contains("I64") == true)
        }
    }

    @Test func `shapes that no adapter has are refused as tensors`() throws {
        try Scratch.with { folder in
            let header = "{\(Self.entry("a", "U8", "[1,1,1,1,1,1,1]", "[0,1]"))}"
            let file = try SafetensorsFile(opening: Scratch.file(folder, Scratch.safetensors(header, 1)))
            let error = #expect(throws: InterchangeError.self) { try file.tensor(file.entries[0]) }
            #expect(error?.code == .limitExceeded)
        }
    }

    @Test func `a missing file is a file system error`() {
        #expect(throws: FileSystemError.self) { try SafetensorsFile(opening: "/nowhere/file.safetensors") }
    }
}
