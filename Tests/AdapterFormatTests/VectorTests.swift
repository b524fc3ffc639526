import AdapterFormat
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Foundation
import Integrity
import Tensors
import Testing

/// Files made by another program from the specification (`spec/decoder/make_vectors.py`), under `fixtures/data`: valid
/// ones with what they hold, malformed ones named by the code that they must be refused with.
@Suite struct VectorTests {
    static let valid = names(in: "valid")
    static let malformed = names(in: "malformed")

    private static func names(in folder: String) -> [String] {
        let names = (try? Directory.names(in: "\(Fixtures.directory)/\(folder)")) ?? []
        return names.filter { $0.hasSuffix(".adpt") }.sorted().map { String($0.dropLast(".adpt".count)) }
    }

    @Test func `The vectors are there, and there is one for each code`() {
        let codes = Set(VectorTests.malformed.map(VectorTests.code))
        #expect(VectorTests.valid.count >= 40)
        #expect(VectorTests.malformed.count >= 300)
        #expect(
            codes == [
                "wrongMagic", "newerVersion", "truncated", "trailingBytes", "malformedHeader", "unknownSection",
                "malformedTable", "malformedMetadata", "limitExceeded", "unknownCodec", "malformedChunk",
                "malformedSignature", "digestMismatch",
            ])
    }

    @Test(arguments: valid)
    func `A valid file holds what its maker put into it`(name: String) throws {
        let file = try AdapterFile(opening: VectorTests.path(of: name))
        let expected = try VectorTests.expectation(name)
        let digest = try file.verify()
        #expect(digest.hexadecimal == expected["fileDigest"]?.string)
        #expect(file.contentRoot.hexadecimal == expected["contentRoot"]?.string)
        #expect(try VectorDescription.modules(file.adapter) == expected["modules"])
        #expect(VectorDescription.metadata(file.adapter) == expected["meta"])
        #expect(VectorDescription.notes(file.adapter) == VectorDescription.known(expected["note"]))
        #expect(try file.provenance()?.metadata == expected["provenance"])
    }

    @Test(arguments: valid)
    func `Tensors have the values of their types' definitions`(name: String) throws {
        let file = try AdapterFile(opening: VectorTests.path(of: name))
        let modules = try #require(try VectorTests.expectation(name)["modules"]?.array)
        for (module, expected) in zip(file.adapter.modules, modules) {
            for (tensor, expected) in zip(module.tensors, expected["tensors"]?.array ?? []) {
                guard let values = expected["values"]?.array else { continue }
                // Bits, because −0 equals 0.
                let actual = try tensor.tensor.doubles().map { $0.isNaN ? nil : $0.bitPattern }
                #expect(actual == values.map(VectorDescription.bits), "\(module.name) \(tensor.name)")
            }
        }
    }

    @Test(arguments: valid.filter { $0.hasPrefix("signatures-") })
    func `Signatures are those of the keys in the note`(name: String) throws {
        let file = try AdapterFile(opening: VectorTests.path(of: name))
        let signatures = try file.signatures()
        let expected = try #require(try VectorTests.expectation(name)["signatures"]?.array)
        #expect(signatures.map(\.keyID.description) == expected.map { $0["key"]?.string })
        #expect(signatures.map(\.algorithm.rawValue) == expected.map { $0["algorithm"]?.string })
        #expect(signatures.map(\.expires?.description) == expected.map { $0["expires"]?.string })
        #expect(
            signatures.map { $0.bytes.map { String(format: "%02x", $0) }.joined() }
                == expected.map { $0["signature"]?.string })
        let keys = file.adapter.notes.labels
        #expect(!keys.isEmpty)
        for (id, pem) in keys {
            let key = try PublicKey(pem: pem)
            #expect(key.id.description == id)
            let trusted = TrustedKey(name: "vector", publicKey: key)
            try trusted.verify(file.contentRoot, signedBy: signatures, on: UTCDate(parsing: "2026-01-01"))
            #expect(throws: SignatureError.self) {
                try trusted.verify(SHA256.hash([]), signedBy: signatures, on: UTCDate(parsing: "2026-01-01"))
            }
        }
    }

    @Test(arguments: valid, [WritingCodec.raw, .zstd, .planes])
    func `A file written from it has the same content root`(name: String, codec: WritingCodec) throws {
        let file = try AdapterFile(opening: VectorTests.path(of: name))
        let bytes = try fileBytes(file.adapter, codec)
        try withFile(bytes) { path in
            let copy = try AdapterFile(opening: path)
            #expect(copy.contentRoot == file.contentRoot)
            #expect(try copy.verify() == SHA256.hash(bytes))
        }
    }

    @Test(arguments: malformed)
    func `A malformed file is refused with the code in its name`(name: String) {
        let path = "\(Fixtures.directory)/malformed/\(name).adpt"
        let actual = failure { _ = try AdapterFile(opening: path).verify() }
        #expect(actual == VectorTests.code(name))
    }

    private static func path(of name: String) -> String { "\(Fixtures.directory)/valid/\(name).adpt" }

    private static func code(_ name: String) -> String {
        String(name.prefix(while: { $0 != "-" }))
    }

    private static func expectation(_ name: String) throws -> MetadataValue {
        try JSON.parse(contents("\(Fixtures.directory)/valid/\(name).json"))
    }
}

/// What an adapter holds, in the form of the vectors' JSON.
private enum VectorDescription {
    private static let kinds = ["none", "linear", "transposedLinear", "convolution", "embedding", "experts"]
    private static let rules = ["alphaOverRank", "alphaOverRootOfRank"]
    private static let roles = ["A", "B", "magnitude", "updateBias", "baseBias", "parameter", "rows", "opaque"]
    private static let dtypes = ["f32", "f16", "bf16", "f8_e4m3", "f8_e5m2", "i8", "u8", "i32", "q8"]

    static func modules(_ adapter: Adapter) throws -> MetadataValue {
        .array(
            try adapter.modules.map { module in
                let update = module.update
                return [
                    "name": .string(module.name),
                    "kind": .string(kinds[Int(update?.kind.rawValue ?? 0)]),
                    "scaling": .string(rules[Int(update?.scalingRule.rawValue ?? 0)]),
                    "rank": MetadataValue(update?.rank ?? 0),
                    "alpha": .double(update?.alpha ?? 0),
                    "tensors": .array(try module.tensors.map(tensor)),
                ]
            })
    }

    private static func tensor(_ entry: (role: TensorRole, name: String, tensor: Tensor)) throws -> MetadataValue {
        let tensor = entry.tensor
        var description: [String: MetadataValue] = [
            "name": .string(entry.name),
            "role": .string(roles[Int(entry.role.rawValue) - 1]),
            "dtype": .string(dtypes[Int(tensor.dtype.rawValue) - 1]),
            "shape": .array(tensor.shape.extents.map { MetadataValue($0) }),
            "sha256": .string(SHA256.hash(try tensor.bytes()).hexadecimal),
        ]
        if tensor.shape.elementCount <= 64 {
            description["values"] = .array(try tensor.doubles().map { plain(.double($0)) })
        }
        return .map(description)
    }

    static func metadata(_ adapter: Adapter) -> MetadataValue {
        var base: [String: MetadataValue] = [:]
        base["name"] = adapter.base.name.map(MetadataValue.string)
        base["revision"] = adapter.base.revision.map(MetadataValue.string)
        base["digest"] = adapter.base.digest.map { .string($0.description) }
        var entries: [String: MetadataValue] = [:]
        if !base.isEmpty { entries["base"] = .map(base) }
        if !adapter.behaviour.isEmpty { entries["behaviour"] = plain(.map(adapter.behaviour)) }
        return .map(entries)
    }

    static func notes(_ adapter: Adapter) -> MetadataValue? {
        // `nil` alone would be the value null.
        adapter.notes == AdapterNotes() ? .none : .some(adapter.notes.metadata)
    }

    /// The expected notes without the keys that a reader ignores.
    static func known(_ notes: MetadataValue?) -> MetadataValue? {
        notes?.map.map { .map($0.filter { ["message", "license", "labels", "source"].contains($0.key) }) }
    }

    /// The bits of a value in JSON, nil for NaN.
    static func bits(_ value: MetadataValue) -> UInt64? {
        switch value.string {
        case "nan": nil
        case "inf": Double.infinity.bitPattern
        case "-inf": (-Double.infinity).bitPattern
        default: value.number?.bitPattern
        }
    }

    /// The value with numbers that JSON does not know as texts.
    private static func plain(_ value: MetadataValue) -> MetadataValue {
        switch value {
        case .double(let number) where number.isNaN: "nan"
        case .double(let number) where number.isInfinite: .string(number < 0 ? "-inf" : "inf")
        case .array(let elements): .array(elements.map(plain))
        case .map(let entries): .map(entries.mapValues(plain))
        default: value
        }
    }
}
