import AdapterTesting
import Adapters
import ByteCoding
import Integrity
import Testing

struct ProvenanceTests {
    private static let certificate = ErrorCertificate(modules: [
        ErrorCertificate.Module(
            name: "m", rank: 2, deltaNorm: 3, truncationError: 0.5, largestDroppedSingularValue: 0.25,
            roundingError: 1e-9)
    ])
    private static let whole = Provenance(
        operation: "merge", toolVersion: "1.2.3",
        parents: [
            Provenance.Parent(digest: SHA256.hash([1]), contentRoot: SHA256.hash([2]), weight: 0.5),
            Provenance.Parent(digest: SHA256.hash([1]), contentRoot: SHA256.hash([3]), role: "base"),
            Provenance.Parent(digest: SHA256.hash([4]), contentRoot: SHA256.hash([5]), weight: -0.0),
        ], options: ["rank": 8, "method": "svd", "weights": [1.0, 2]], certificate: certificate)

    @Test(arguments: [
        whole, Provenance(operation: "", toolVersion: "", parents: [], options: [:]),
        Provenance(
            operation: "é", toolVersion: "0", parents: [], options: ["": nil],
            certificate: ErrorCertificate(modules: [])),
    ])
    func `records are read again from their document`(provenance: Provenance) throws {
        #expect(try Provenance(metadata: provenance.metadata) == provenance)
        #expect(try Provenance(metadata: CBOR.decode(CBOR.encode(provenance.metadata))) == provenance)
    }

    @Test func `a weight that is not known is left out, and one that is whole is a number`() throws {
        let parents = try #require(Self.whole.metadata["parents"]?.array)
        #expect(parents.map { $0["weight"] } == [.double(0.5), nil, .double(-0.0)])
        #expect(Self.whole.parents.map(\.role) == ["input", "base", "input"])
        let again = try Provenance(metadata: changed("parents", to: .array([parent(["weight": 2])])))
        #expect(again.parents.first?.weight == 2)
    }

    private func changed(_ key: String, to value: MetadataValue?) -> MetadataValue {
        var entries = Self.whole.metadata.map ?? [:]
        entries[key] = value
        return .map(entries)
    }

    private func parent(_ changes: [String: MetadataValue?]) -> MetadataValue {
        var entries = Self.whole.metadata["parents"]?.array?.first?.map ?? [:]
        for (key, value) in changes { entries[key] = value }
        return .map(entries)
    }

    @Test(arguments: ["operation", "toolVersion", "parents", "options"])
    func `a field that is missing or of another type is refused`(key: String) {
        for value in [nil, .null, .integer(1), .double(1), .bool(true), .array([.integer(1)])] as [MetadataValue?] {
            let error = #expect(throws: AdapterError.self) { try Provenance(metadata: changed(key, to: value)) }
            #expect(error?.code == .invalidMetadata, "\(value.map { JSON.text($0) } ?? "missing")")
        }
    }

    @Test(arguments: [nil, [], [:], 1, "merge"] as [MetadataValue]) func `other documents are refused`(
        metadata: MetadataValue
    ) {
        #expect(throws: AdapterError.self) { try Provenance(metadata: metadata) }
    }

    @Test(arguments: ["digest", "contentRoot", "role"])
    func `a parent's field that is missing or of another type is refused`(key: String) {
        for value in [nil, .null, .integer(1), .array([])] as [MetadataValue?] {
            let metadata = changed("parents", to: .array([parent([key: value])]))
            let error = #expect(throws: AdapterError.self) { try Provenance(metadata: metadata) }
            #expect(error?.code == .invalidMetadata)
        }
    }

    @Test(arguments: [
        "", "sha256:", "sha256:../../x", String(repeating: "0", count: 64),
        "sha256:" + String(repeating: "A", count: 64),
    ])
    func `a parent's digest that is none is refused`(text: String) {
        for key in ["digest", "contentRoot"] {
            let metadata = changed("parents", to: .array([parent([key: .string(text)])]))
            #expect(throws: AdapterError.self) { try Provenance(metadata: metadata) }
        }
    }

    @Test(arguments: [nil, "0.5", true, [0.5], [:]] as [MetadataValue]) func `a weight that is no number is refused`(
        weight: MetadataValue
    ) {
        let metadata = changed("parents", to: .array([parent(["weight": weight])]))
        let error = #expect(throws: AdapterError.self) { try Provenance(metadata: metadata) }
        #expect(error?.code == .invalidMetadata)
    }

    @Test func `a certificate of another form is refused`() {
        for value in [.null, .array([]), .map([:]), .map(["modules": .null])] as [MetadataValue] {
            #expect(throws: AdapterError.self) { try Provenance(metadata: changed("certificate", to: value)) }
        }
    }
}
