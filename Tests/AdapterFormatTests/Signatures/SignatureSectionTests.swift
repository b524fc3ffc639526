import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Integrity
import Tensors
import Testing

@testable import AdapterFormat

struct SignatureSectionTests {
    @Test(arguments: WritingCodec.allCases, [true, false])
    func `a signed copy differs in its signatures only`(_ codec: WritingCodec, _ hasProvenance: Bool) throws {
        try withTemporaryDirectory { folder in
            let adapter = try SampleAdapters.everything(seed: 7)
            let plain = try SignedFile.write(
                adapter, to: folder + "/plain", codec: codec, hasProvenance: hasProvenance, signedBy: [])
            let keys = try [SignedFile.key(.ed25519), SignedFile.key(.p256)]
            let written = try SignedFile.write(
                adapter, to: folder + "/signed", codec: codec, hasProvenance: hasProvenance, signedBy: keys)
            let file = try AdapterFile(opening: folder + "/signed")
            let plainDigest = SHA256.hash(try SignedFile.contents(folder + "/plain"))
            #expect(file.contentRoot == plain)
            #expect(written == plain)
            #expect(SHA256.hash(try SignedFile.contents(folder + "/signed")) != plainDigest)
            #expect(try file.verify() == SHA256.hash(SignedFile.contents(folder + "/signed")))
            let signatures = try file.signatures()
            #expect(signatures.map(\.keyID) == keys.map(\.publicKey.id).sorted())
            for key in keys {
                #expect(signatures.contains { $0.isValid(for: file.contentRoot, by: key.publicKey) })
            }
            #expect(try file.provenance() == (hasProvenance ? SignedFile.provenance() : nil))
            #expect(file.adapter.notes == adapter.notes)
            #expect(file.adapter.base == adapter.base)
            let original = try AdapterFile(opening: folder + "/plain")
            #expect(try original.signatures() == [])
            for (left, right) in zip(file.adapter.modules, original.adapter.modules) {
                #expect(left.name == right.name)
                for (first, second) in zip(left.tensors, right.tensors) {
                    #expect(try first.tensor.bytes() == second.tensor.bytes())
                }
            }
            // Without its signatures it is the file that it was, byte for byte.
            let output = try OutputFile(in: folder)
            #expect(try AdapterFileWriter.copy(file, signatures: [], to: output) == plainDigest)
        }
    }

    @Test func `the data and its alignment stay`() throws {
        try withTemporaryDirectory { folder in
            let adapter = try SampleAdapters.plain(seed: 3, moduleCount: 5, size: 40)
            try SignedFile.write(adapter, to: folder + "/a", codec: .raw, hasProvenance: false, signedBy: [])
            var bytes = try SignedFile.contents(folder + "/a")
            let data = Array(bytes[Int(SignedFile.number(bytes, at: 24, byteCount: 8))...])
            var sizes: Set<UInt64> = []
            for _ in 0..<6 {
                try SignedFile.sign(folder + "/a", as: folder + "/a", SignedFile.key())
                bytes = try SignedFile.contents(folder + "/a")
                let start = SignedFile.number(bytes, at: 24, byteCount: 8)
                sizes.insert(start)
                #expect(start % 256 == 0)
                #expect(Array(bytes[Int(start)...].prefix(data.count)) == data)
            }
            #expect(sizes.count == 1)
        }
    }

    @Test func `the same signatures give the same bytes, in whatever order they came`() throws {
        try withTemporaryDirectory { folder in
            let adapter = try SampleAdapters.plain(seed: 5)
            let keys = try (0..<4).map { _ in try SignedFile.key() }
            _ = try SignedFile.write(adapter, to: folder + "/a", signedBy: keys)
            _ = try SignedFile.write(adapter, to: folder + "/b", signedBy: keys.reversed() + [keys[0]])
            #expect(try SignedFile.contents(folder + "/a") == SignedFile.contents(folder + "/b"))
        }
    }

    @Test func `unknown sections of a file are kept`() throws {
        try withTemporaryDirectory { folder in
            // The writer makes none, so the tag of NOTE and of SIGN become ones that nobody knows.
            var adapter = try SampleAdapters.plain(seed: 5)
            adapter.notes.message = "kept"
            try SignedFile.write(adapter, to: folder + "/a", signedBy: [SignedFile.key()])
            var bytes = try SignedFile.contents(folder + "/a")
            for (old, new) in [("NOTE", "NOTX"), ("SIGN", "ZZZZ")] {
                let table = 128..<128 + 64 * Int(SignedFile.number(bytes, at: 12, byteCount: 4))
                let entry = try #require(
                    stride(from: table.lowerBound, to: table.upperBound, by: 64).first {
                        Array(bytes[$0..<$0 + 4]) == Array(old.utf8)
                    })
                bytes.replaceSubrange(entry..<entry + 4, with: Array(new.utf8))
            }
            bytes.replaceSubrange(96..<128, with: [UInt8](repeating: 0, count: 32))
            let header = Array(bytes[..<Int(SignedFile.number(bytes, at: 24, byteCount: 8))])
            bytes.replaceSubrange(96..<128, with: SHA256.hash(header).bytes)
            try SignedFile.store(bytes, at: folder + "/b")
            #expect(try AdapterFile(opening: folder + "/b").signatures() == [])

            let key = try SignedFile.key()
            try SignedFile.sign(folder + "/b", as: folder + "/c", key)
            let signed = try AdapterFile(opening: folder + "/c")
            #expect(try signed.signatures().map(\.keyID) == [key.publicKey.id])
            let output = try OutputFile(in: folder)
            _ = try AdapterFileWriter.copy(signed, signatures: [], to: output)
            #expect(try SignedFile.contents(output.temporaryPath) == bytes)
        }
    }

    /// An empty section at the very end of a header would begin where the header ends, like one behind the data. Headers
    /// end at multiples of 256 here, and one of the lengths puts the empty sections there once a signature is added.
    @Test func `empty sections at the end of a header are kept`() throws {
        try withTemporaryDirectory { folder in
            let plain = folder + "/plain"
            _ = try AdapterFileWriter.write(SampleAdapters.plain(seed: 5), toPath: plain, codec: .raw)
            var file = try SpecFile(parsing: SignedFile.contents(plain))
            (file.notes, file.provenance) = (nil, nil)
            let key = try SignedFile.key()
            var signedCount = 0
            for length in stride(from: 8, through: 256, by: 8) {
                file.otherSections = [
                    SpecFile.Section(tag: "AAAA", bytes: [UInt8](repeating: 7, count: length)),
                    SpecFile.Section(tag: "BBBB", bytes: []), SpecFile.Section(tag: "zzzz", bytes: []),
                ]
                try SignedFile.store(file.sealed(), at: folder + "/a")
                // One of the lengths ends the header already here, where the section would lie behind the data.
                guard let original = try? AdapterFile(opening: folder + "/a") else { continue }
                try SignedFile.sign(folder + "/a", as: folder + "/b", key)
                let signed = try AdapterFile(opening: folder + "/b")
                _ = try signed.verify()
                #expect(signed.contentRoot == original.contentRoot)
                #expect(try signed.signatures().map(\.keyID) == [key.publicKey.id])
                let added = signed.header.sections.dropFirst(5).map { ($0.tag.description, $0.byteCount) }
                #expect(added.map(\.0).sorted() == ["AAAA", "BBBB", "SIGN", "zzzz"])
                #expect(added.map(\.1).sorted().prefix(2) == [0, 0])
                #expect(added.contains { $0 == ("AAAA", length) })
                signedCount += 1
            }
            #expect(signedCount >= 31)
        }
    }

    @Test func `every changed byte of the section is found`() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a"
            try SignedFile.write(SampleAdapters.plain(seed: 1), to: path, signedBy: [SignedFile.key(.p256)])
            let bytes = try SignedFile.contents(path)
            let sectionCount = Int(SignedFile.number(bytes, at: 12, byteCount: 4))
            let start = Int(SignedFile.number(bytes, at: 128 + 64 * (sectionCount - 1) + 8, byteCount: 8))
            #expect(bytes.count - start > 200)
            for index in start..<bytes.count {
                for bit in [UInt8(0x01), 0x80] {
                    var changed = bytes
                    changed[index] ^= bit
                    try SignedFile.store(changed, at: path)
                    let file = try AdapterFile(opening: path)
                    let error = #expect(throws: FormatError.self) { try file.signatures() }
                    #expect(error?.code == .digestMismatch)
                    #expect(#expect(throws: FormatError.self) { try file.verify() }?.code == .digestMismatch)
                }
            }
        }
    }

    @Test func `every changed byte of a section that was sealed again is malformed or invalid`() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a"
            let key = try SignedFile.key()
            try SignedFile.write(SampleAdapters.plain(seed: 1), to: path, signedBy: [key])
            let bytes = try SignedFile.contents(path)
            let sectionCount = Int(SignedFile.number(bytes, at: 12, byteCount: 4))
            let start = Int(SignedFile.number(bytes, at: 128 + 64 * (sectionCount - 1) + 8, byteCount: 8))
            let content = Array(bytes[start...])
            var malformed = 0
            for bit in 0..<8 * content.count {
                var changed = content
                changed[bit / 8] ^= 1 << (bit % 8)
                try SignedFile.store(try SignedFile.replacingLastSection(bytes, with: changed), at: path)
                let file = try AdapterFile(opening: path)
                do {
                    let signatures = try file.signatures()
                    #expect(!signatures.contains { $0.isValid(for: file.contentRoot, by: key.publicKey) })
                } catch let error as FormatError {
                    #expect(error.code == .malformedSignature)
                    #expect(#expect(throws: FormatError.self) { try file.verify() }?.code == .malformedSignature)
                    malformed += 1
                }
            }
            #expect(malformed > 4 * content.count)
            for count in 0..<content.count {
                try SignedFile.store(
                    try SignedFile.replacingLastSection(bytes, with: Array(content.prefix(count))), at: path)
                let file = try AdapterFile(opening: path)
                #expect(#expect(throws: FormatError.self) { try file.signatures() }?.code == .malformedSignature)
            }
        }
    }

    private static let id = "sha256:" + String(repeating: "a", count: 64)
    private static let otherID = "sha256:" + String(repeating: "b", count: 64)
    private static let digits = String(repeating: "0", count: 128)
    private static let entry: [String: MetadataValue] = [
        "algorithm": "ed25519", "key": .string(id), "signature": .string(digits),
    ]

    private static func entry(_ key: String, _ value: MetadataValue?) -> MetadataValue {
        var entry = Self.entry
        entry[key] = value
        return .array([.map(entry)])
    }

    @Test(
        arguments: [
            [], [:], nil, "text", [[]], [nil], .array([.map([:])]), .map(entry),
            entry("algorithm", nil), entry("key", nil), entry("signature", nil), entry("more", "x"),
            entry("expires", nil_),
            entry("algorithm", "ED25519"), entry("algorithm", "rsa"), entry("algorithm", 1),
            entry("key", "sha256:00"), entry("key", .string(String(repeating: "a", count: 64))), entry("key", 1),
            entry("key", .string("sha256:" + String(repeating: "A", count: 64))),
            entry("signature", ""), entry("signature", .string(String(digits.dropLast()))),
            entry("signature", .string(digits + "00")), entry("signature", .string(digits.dropLast() + "g")),
            entry("signature", .string(digits.dropLast() + "F")), entry("signature", 5),
            entry("signature", .string(digits.dropLast(3) + "é0")),
            entry("expires", "2025-02-29"), entry("expires", ""), entry("expires", 20_250_101),
            .array([.map(entry), .map(entry)]),
            .array([.map(entry.merging(["key": .string(otherID)]) { $1 }), .map(entry)]),
            .array(
                (0..<65).map { index in
                    .map(
                        entry.merging(["key": .string("sha256:" + String(repeating: "0", count: 62) + "\(10 + index)")])
                        {
                            $1
                        })
                }),
        ] as [MetadataValue])
    func `malformed documents are refused, in a file and detached`(document: MetadataValue) throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a"
            try SignedFile.write(SampleAdapters.plain(seed: 1), to: path, signedBy: [SignedFile.key()])
            let bytes = try SignedFile.contents(path)
            try SignedFile.store(
                try SignedFile.replacingLastSection(bytes, with: CBOR.encode(document)), at: path)
            let file = try AdapterFile(opening: path)
            #expect(#expect(throws: FormatError.self) { try file.signatures() }?.code == .malformedSignature)
            #expect(#expect(throws: FormatError.self) { try file.verify() }?.code == .malformedSignature)
            let text = JSON.text([
                "type": "adapterctl-signatures-v1", "contentRoot": .string(Self.id), "signatures": document,
            ])
            let error = #expect(throws: SignatureError.self) { try DetachedSignatures(parsing: Array(text.utf8)) }
            #expect(error?.code == .malformedSignature)
        }
    }

    private static let nil_ = MetadataValue.null

    @Test func `CBOR that is not deterministic is refused`() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a"
            try SignedFile.write(SampleAdapters.plain(seed: 1), to: path, signedBy: [SignedFile.key()])
            let bytes = try SignedFile.contents(path)
            let content = try CBOR.encode(.array([.map(Self.entry)]))
            // A length in two bytes; a byte after the end; sixty-four nested arrays.
            for changed in [[0x98, 0x01] + content.dropFirst(), content + [0], [UInt8](repeating: 0x81, count: 64)] {
                try SignedFile.store(try SignedFile.replacingLastSection(bytes, with: changed), at: path)
                let file = try AdapterFile(opening: path)
                #expect(#expect(throws: FormatError.self) { try file.signatures() }?.code == .malformedSignature)
            }
            try SignedFile.store(try SignedFile.replacingLastSection(bytes, with: content), at: path)
            #expect(try AdapterFile(opening: path).signatures().count == 1)
            let huge = [UInt8](repeating: 0, count: 64 << 10 + 1)
            try SignedFile.store(try SignedFile.replacingLastSection(bytes, with: huge), at: path)
            #expect(#expect(throws: FormatError.self) { try AdapterFile(opening: path) }?.code == .limitExceeded)
        }
    }

    @Test func `what no reader would accept is not written`() throws {
        try withTemporaryDirectory { folder in
            try SignedFile.write(SampleAdapters.plain(seed: 1), to: folder + "/a", signedBy: [])
            let file = try AdapterFile(opening: folder + "/a")
            let signatures = try (0..<65).map { _ in try SignedFile.key().sign(file.contentRoot) }
                .sorted { $0.keyID < $1.keyID }
            for wrong in [signatures, Array(signatures.prefix(2).reversed()), [signatures[0], signatures[0]]] {
                let output = try OutputFile(in: folder)
                let error = #expect(throws: SignatureError.self) {
                    try AdapterFileWriter.copy(file, signatures: wrong, to: output)
                }
                #expect(error?.code == .malformedSignature)
            }
            let output = try OutputFile(in: folder)
            _ = try AdapterFileWriter.copy(file, signatures: Array(signatures.prefix(64)), to: output)
            #expect(try AdapterFile(opening: output.temporaryPath).signatures().count == 64)
        }
    }

    @Test func `a damaged file is not signed`() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a"
            try SignedFile.write(SampleAdapters.plain(seed: 1), to: path, signedBy: [])
            let bytes = try SignedFile.contents(path)
            let data = Int(SignedFile.number(bytes, at: 24, byteCount: 8))
            for index in [data, data + 100, bytes.count - 1] {
                var changed = bytes
                changed[index] ^= 1
                try SignedFile.store(changed, at: path)
                let file = try AdapterFile(opening: path)
                let output = try OutputFile(in: folder)
                let error = #expect(throws: FormatError.self) {
                    try AdapterFileWriter.copy(
                        file, signatures: [SignedFile.key().sign(file.contentRoot)], to: output)
                }
                #expect(error?.code == .digestMismatch)
            }
        }
    }

    @Test func `a file that only a newer program may change is not changed`() throws {
        try withTemporaryDirectory { folder in
            let path = folder + "/a"
            try SignedFile.write(SampleAdapters.plain(seed: 1), to: path, signedBy: [])
            var bytes = try SignedFile.contents(path)
            bytes[9] = 2
            bytes.replaceSubrange(96..<128, with: [UInt8](repeating: 0, count: 32))
            let header = Array(bytes[..<Int(SignedFile.number(bytes, at: 24, byteCount: 8))])
            bytes.replaceSubrange(96..<128, with: SHA256.hash(header).bytes)
            try SignedFile.store(bytes, at: path)
            let file = try AdapterFile(opening: path)
            let output = try OutputFile(in: folder)
            let error = #expect(throws: FormatError.self) {
                try AdapterFileWriter.copy(file, signatures: [SignedFile.key().sign(file.contentRoot)], to: output)
            }
            #expect(error?.code == .newerVersion)
            #expect(error?.byteOffset == 9)
        }
    }
}
