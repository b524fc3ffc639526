import Adapters
import ByteCoding
import Testing

struct ErrorCertificateTests {
    private func module(
        _ name: String, delta: Double, truncation: Double, rounding: Double, dropped: Double = 0
    ) -> ErrorCertificate.Module {
        ErrorCertificate.Module(
            name: name, rank: 4, deltaNorm: delta, truncationError: truncation, largestDroppedSingularValue: dropped,
            roundingError: rounding)
    }

    @Test func `totals are the norms of all modules together`() {
        let certificate = ErrorCertificate(modules: [
            module("a", delta: 3, truncation: 0.6, rounding: 5), module("b", delta: 4, truncation: 0.8, rounding: 12),
        ])
        #expect(certificate.deltaNorm == 5)
        #expect((certificate.truncationError - 1).magnitude < 1e-15)
        #expect(certificate.roundingError == 13)
        #expect((certificate.relativeTruncationError - 0.2).magnitude < 1e-15)
        #expect(certificate.relativeRoundingError == 2.6)
        #expect((certificate.modules[0].relativeTruncationError - 0.2).magnitude < 1e-15)
        #expect(certificate.modules[1].relativeRoundingError == 3)
    }

    @Test func `nothing lost of nothing is zero, something lost of nothing is infinite`() {
        let empty = ErrorCertificate(modules: [])
        #expect(empty.deltaNorm == 0 && empty.truncationError == 0 && empty.roundingError == 0)
        #expect(empty.relativeTruncationError == 0 && empty.relativeRoundingError == 0)
        let zero = module("a", delta: 0, truncation: 0, rounding: 1)
        #expect(zero.relativeTruncationError == 0)
        #expect(zero.relativeRoundingError == .infinity)
    }

    @Test func `certificates are read again from their document`() throws {
        let certificate = ErrorCertificate(modules: [
            module("a", delta: 1.5, truncation: 0.1, rounding: 1e-300, dropped: .leastNonzeroMagnitude),
            module("", delta: .infinity, truncation: 0, rounding: -0.0, dropped: 3),
        ])
        #expect(try ErrorCertificate(metadata: certificate.metadata) == certificate)
        #expect(try ErrorCertificate(metadata: CBOR.decode(CBOR.encode(certificate.metadata))) == certificate)
        #expect(try ErrorCertificate(metadata: ["modules": []]) == ErrorCertificate(modules: []))
    }

    private static let entries: [String: MetadataValue] = [
        "name": "m", "rank": 2, "deltaNorm": 1.0, "truncationError": 2, "largestDroppedSingularValue": 0.5,
        "roundingError": 0.0,
    ]

    @Test func `whole numbers stand for norms too`() throws {
        let certificate = try ErrorCertificate(metadata: ["modules": .array([.map(Self.entries)])])
        #expect(certificate.modules.first?.truncationError == 2)
    }

    @Test(arguments: entries.keys.sorted()) func `a field that is missing or of another type is refused`(key: String) {
        var values: [MetadataValue?] = [nil, .null, .bool(true), .array([]), .map([:])]
        values.append(key == "name" ? .integer(1) : .string("1"))
        if key == "rank" { values.append(.double(2)) }
        for value in values {
            var entries = Self.entries
            entries[key] = value
            let error = #expect(throws: AdapterError.self) {
                try ErrorCertificate(metadata: ["modules": .array([.map(entries)])])
            }
            #expect(error?.code == .invalidMetadata)
        }
    }

    @Test(
        arguments: [nil, [], [:], ["modules": nil], ["modules": [:]], ["modules": [1]], ["modules": [nil]]]
            as [MetadataValue])
    func `other documents are refused`(metadata: MetadataValue) {
        #expect(throws: AdapterError.self) { try ErrorCertificate(metadata: metadata) }
    }
}
