import AdapterFormat
import Testing

/// What a hostile file says must not reach a terminal as it is.
@Suite struct MessageTests {
    @Test func `A message has no control characters`() throws {
        // META is {"\u{1B}[2J": {}}: an unknown key, which the message names.
        let message = try message(metadata: [0xA1, 0x64, 0x1B, 0x5B, 0x32, 0x4A, 0xA0])
        #expect(message.contains("[2J"))
        #expect(!message.unicodeScalars.contains { $0.properties.generalCategory == .control })
    }

    @Test func `A message is as long as a person reads`() throws {
        // META has one key of 100,000 bytes.
        let key = [UInt8](repeating: 0x61, count: 100_000)
        let message = try message(metadata: [0xA1, 0x7A, 0x00, 0x01, 0x86, 0xA0] + key + [0xA0])
        #expect(message.unicodeScalars.count <= 2000)
    }

    private func message(metadata: [UInt8]) throws -> String {
        var file = try specFile(.raw)
        file.metadata = metadata
        return try withFile(file.sealed()) { path in
            let error = #expect(throws: FormatError.self) { try AdapterFile(opening: path) }
            #expect(error?.code == .malformedMetadata)
            return error?.message ?? ""
        }
    }
}
