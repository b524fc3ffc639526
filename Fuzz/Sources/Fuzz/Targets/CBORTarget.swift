import Adapters
import ByteCoding

@testable import Adapters
@testable import ByteCoding

/// Metadata documents: deterministic CBOR, and what is read from it.
enum CBORTarget: FuzzTarget {
    static let name = "cbor"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        let everything = try SampleAdapters.everything(seed: 1)
        let provenance: MetadataValue = [
            "operation": "merge", "toolVersion": "1.0", "options": ["rank": 8],
            "parents": [
                [
                    "digest": .string("sha256:" + String(repeating: "0", count: 64)),
                    "contentRoot": .string("sha256:" + String(repeating: "a", count: 64)), "role": "input",
                    "weight": 0.5,
                ]
            ],
            "certificate": [
                "modules": [
                    [
                        "name": "m", "rank": 8, "deltaNorm": 1.0, "truncationError": 0.1,
                        "largestDroppedSingularValue": 1e-300, "roundingError": 0.0,
                    ]
                ]
            ],
        ]
        let numbers: MetadataValue = [
            0, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, .integer(.max), .integer(.min), -1, -24,
            -25, 0.0, -0.0, 1.5, 3.1e-5, 1e10, 1.1, .double(.infinity), .double(.nan), nil, true, false, "", "é", [],
            [:],
        ]
        return try [everything.notes.metadata, provenance, numbers].map { try CBOR.encode($0) }
    }

    static func isExpected(_ error: any Error) -> Bool { error is ByteCodingError }

    static func run(_ input: [UInt8]) throws {
        let value = try CBOR.decode(input)
        try expect(CBOR.encode(value) == input, "CBOR that is accepted is canonical")
        checkJSON(of: value)
        try checkNotes(value)
        try checkProvenance(value)
    }

    /// Metadata is shown as JSON.
    private static func checkJSON(of value: MetadataValue) {
        let text = JSON.text(value)
        do {
            let parsed = try JSON.parse(Array(text.utf8))
            expect(JSON.text(parsed) == text, "JSON that we write is read as the same value")
        } catch {
            fail("JSON that we write is refused: \(error)")
        }
    }

    private static func checkNotes(_ value: MetadataValue) throws {
        do {
            let notes = try AdapterNotes(metadata: value)
            let again = try AdapterNotes(metadata: notes.metadata)
            try expect(CBOR.encode(again.metadata) == CBOR.encode(notes.metadata), "notes survive their encoding")
        } catch is AdapterError {}
    }

    private static func checkProvenance(_ value: MetadataValue) throws {
        do {
            let provenance = try Provenance(metadata: value)
            let again = try Provenance(metadata: provenance.metadata)
            try expect(
                CBOR.encode(again.metadata) == CBOR.encode(provenance.metadata), "provenance survives its encoding")
        } catch is AdapterError {}
    }
}
