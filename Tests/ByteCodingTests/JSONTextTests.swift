import AdapterTesting
import ByteCoding
import Testing

struct JSONTextTests {
    @Test(
        arguments: [
            (.null, "null"), (.bool(true), "true"), (.bool(false), "false"), (.integer(.min), "-9223372036854775808"),
            (.double(1), "1.0"), (.double(-0.0), "-0.0"), (.double(1e5), "100000.0"), (.double(1e16), "1e+16"),
            (.double(0.1), "0.1"), (.double(.leastNonzeroMagnitude), "5e-324"), (.double(.nan), "null"),
            (.double(.infinity), "null"),
            (.double(-.infinity), "null"), (.string(""), "\"\""), (.string("é水😀"), "\"é水😀\""), (.string("/"), "\"/\""),
            (.string("\"\\\n\r\t"), #""\"\\\n\r\t""#),
            (.string("\u{0}\u{8}\u{1F}\u{7F}"), #""\u0000\u0008\u001f\u007f""#),
            (.array([]), "[]"), (.map([:]), "{}"), (.array([.integer(1), .null]), "[1,null]"),
            (
                .map(["b": .integer(1), "a": .array([]), "é": .map([:]), "aa": .null]),
                #"{"a":[],"aa":null,"b":1,"é":{}}"#
            ),
        ] as [(MetadataValue, String)])
    func `values have one compact text`(value: MetadataValue, text: String) {
        #expect(JSON.text(value) == text)
    }

    @Test func `indented text puts each entry on a line`() {
        let value: MetadataValue = ["b": [1, [], [2.5]], "a": [:], "c": ["d": nil]]
        let text = """
            {
              "a": {},
              "b": [
                1,
                [],
                [
                  2.5
                ]
              ],
              "c": {
                "d": null
              }
            }
            """
        #expect(JSON.text(value, indented: true) == text)
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func `random values are read again bit for bit`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let value = RandomMetadata.value(depth: 4, using: &generator)
            for indented in [false, true] {
                let text = JSON.text(value, indented: indented)
                let parsed = try JSON.parse(Array(text.utf8))
                #expect(RandomMetadata.areIdentical(parsed, value), "\(text)")
            }
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>) func `random doubles stay doubles`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let value = RandomMetadata.double(using: &generator)
            let text = JSON.text(.double(value))
            #expect(RandomMetadata.areIdentical(try JSON.parse(Array(text.utf8)), .double(value)), "\(text)")
        }
    }
}
