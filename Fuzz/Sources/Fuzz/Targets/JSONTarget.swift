import ByteCoding
import FileSystem

@testable import ByteCoding

/// JSON text.
enum JSONTarget: FuzzTarget {
    static let name = "json"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        let folders = try Directory.names(in: "\(fixtures)/peft").map { "\(fixtures)/peft/\($0)/adapter_config.json" }
        return try folders.filter { Directory.kind(of: $0) == .file }.map {
            try InputFile.contents(of: $0, limit: 1 << 20)
        } + [
            Array(#" {"a":[1,-0,1.0,-0.0,1e5,1.5E-3,9223372036854775807,-9223372036854775808],"b":null} "#.utf8),
            Array(#"["\"\\\/\b\f\n\r\t\u0041\ud83d\ude00é",true,false,{},[],""]"#.utf8),
        ]
    }

    static func isExpected(_ error: any Error) -> Bool { error is ByteCodingError }

    static func run(_ input: [UInt8]) throws {
        let value = try JSON.parse(input)
        let text = JSON.text(value)
        for spelling in [text, JSON.text(value, indented: true)] {
            do {
                let again = try JSON.parse(Array(spelling.utf8))
                // Compared as text: Swift's strings are equal when only their normalisation differs.
                expect(JSON.text(again) == text && again == value, "JSON survives being written")
            } catch {
                fail("JSON that we write is refused: \(error)")
            }
        }
        do {
            let encoded = try CBOR.encode(value)
            try expect(CBOR.encode(CBOR.decode(encoded)) == encoded, "a JSON value survives CBOR")
        } catch let error as ByteCodingError {
            expect(error.code == .limitExceeded, "CBOR that we write is refused: \(error)")
        }
    }
}
