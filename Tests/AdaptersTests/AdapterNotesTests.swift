import AdapterTesting
import Adapters
import ByteCoding
import Testing

struct AdapterNotesTests {
    @Test(arguments: [
        AdapterNotes(), AdapterNotes(message: "m"), AdapterNotes(message: ""), AdapterNotes(license: "MIT"),
        AdapterNotes(labels: ["": "", "é": "\0"]),
        AdapterNotes(source: SourceConfiguration(layout: "peft", configuration: .null, fileMetadata: [:])),
        AdapterNotes(
            message: "ünïcode", license: "Apache-2.0", labels: ["a": "b", "c": "d"],
            source: SourceConfiguration(
                layout: "mlx", configuration: ["r": 8, "alpha": 8.0, "x": [nil, true, ["y": "z"]]],
                fileMetadata: ["format": "pt"])),
    ])
    func `notes are read again from their document`(notes: AdapterNotes) throws {
        #expect(try AdapterNotes(metadata: notes.metadata) == notes)
        #expect(try AdapterNotes(metadata: CBOR.decode(CBOR.encode(notes.metadata))) == notes)
        #expect(notes.isEmpty == (notes == AdapterNotes()))
    }

    @Test func `fields that are not set are left out`() {
        #expect(AdapterNotes().metadata == .map([:]))
        #expect(AdapterNotes(license: "MIT").metadata == ["license": "MIT"])
    }

    @Test func `a configuration keeps integers, fractions and order of lists`() throws {
        let configuration: MetadataValue = ["r": 8, "alpha": 8.0, "list": [3, 1, 2], "none": nil]
        let notes = AdapterNotes(
            source: SourceConfiguration(layout: "peft", configuration: configuration, fileMetadata: [:]))
        let again = try AdapterNotes(metadata: CBOR.decode(CBOR.encode(notes.metadata)))
        let kept = try #require(again.source?.configuration)
        #expect(RandomMetadata.areIdentical(kept, configuration))
    }

    @Test func `unknown fields are ignored`() throws {
        let notes = try AdapterNotes(
            metadata: [
                "message": "m", "later": [1, 2], "source": ["layout": "peft", "configuration": [:], "later": 1],
            ])
        #expect(notes.message == "m")
        #expect(notes.source == SourceConfiguration(layout: "peft", configuration: [:], fileMetadata: [:]))
    }

    @Test(
        arguments: [
            nil, [], "text", 1, ["message": 1], ["message": nil], ["message": ["m"]], ["license": true],
            ["license": 1.0],
            ["labels": "a"], ["labels": ["a"]], ["labels": nil], ["labels": ["a": 1]],
            ["labels": ["a": "b", "c": nil]],
            ["labels": ["a": ["b": "c"]]], ["source": nil], ["source": "peft"], ["source": [:]],
            ["source": ["layout": "peft"]],
            ["source": ["configuration": [:]]], ["source": ["layout": 1, "configuration": [:]]],
            ["source": ["layout": "peft", "configuration": [:], "fileMetadata": ["a"]]],
            ["source": ["layout": "peft", "configuration": [:], "fileMetadata": ["a": 1]]],
            ["source": ["layout": "peft", "configuration": [:], "fileMetadata": nil]],
        ] as [MetadataValue])
    func `fields of another type are refused`(metadata: MetadataValue) {
        let error = #expect(throws: AdapterError.self) { try AdapterNotes(metadata: metadata) }
        #expect(error?.code == .invalidMetadata)
    }
}
