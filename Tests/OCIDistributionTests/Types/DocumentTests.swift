import AdapterRegistry
import AdapterTesting
import ByteCoding
import Integrity
import OCIDistribution
import Testing

struct DocumentTests {
    static let manifest = ImageManifest(
        artifactType: .model,
        configuration: Descriptor(of: Array("{}".utf8), mediaType: .modelConfiguration),
        layers: [
            Descriptor(of: [1, 2, 3], mediaType: .modelWeight, annotations: ["org.cncf.model.filepath": "a.adpt"])
        ],
        subject: Descriptor(of: [4], mediaType: .manifest), annotations: ["b": "2", "a": "é\n\"x\""])

    @Test func `a manifest is read as it was written, and the same manifest gives the same bytes`() throws {
        let bytes = Self.manifest.bytes
        let read = try ImageManifest(parsing: bytes)
        #expect(read == Self.manifest)
        #expect(read.bytes == bytes)
        // Written by hand: the order of keys and the spelling are a promise, for they decide the digest.
        let empty = ImageManifest(
            configuration: Descriptor(of: Array("{}".utf8), mediaType: .empty), layers: [])
        #expect(
            String(decoding: empty.bytes, as: UTF8.self) == """
                {"config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",\
                "mediaType":"application/vnd.oci.empty.v1+json","size":2},"layers":[],\
                "mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2}
                """)
    }

    @Test func `an index keeps the fields it does not use`() throws {
        let text = """
            {"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,
            "digest":"\(ContentDigest.hash([7]))","platform":{"os":"linux","architecture":"arm64"},"urls":["x"]}],"x":[1]}
            """
        let index = try ImageIndex(parsing: Array(text.utf8))
        #expect(index.manifests[0].otherFields["platform"]?["os"]?.string == "linux")
        let again = try JSON.parse(index.bytes)
        #expect(again["manifests"] == (try JSON.parse(Array(text.utf8)))["manifests"])
        #expect(again["x"] == [1])
        #expect(try ImageIndex(parsing: index.bytes) == index)
    }

    @Test(arguments: [
        "", "[]", "null", "{}", "{", #"{"schemaVersion":1}"#, #"{"schemaVersion":"2"}"#,
        #"{"schemaVersion":2,"layers":[]}"#, #"{"schemaVersion":2,"config":{},"layers":[]}"#,
        #"{"schemaVersion":2,"config":CONFIG}"#, #"{"schemaVersion":2,"config":CONFIG,"layers":{}}"#,
        #"{"schemaVersion":2,"config":CONFIG,"layers":[1]}"#,
        #"{"schemaVersion":2,"config":CONFIG,"layers":[],"manifests":[]}"#,
        #"{"schemaVersion":2,"config":CONFIG,"layers":[],"layers":[]}"#,
        #"{"schemaVersion":2,"config":CONFIG,"layers":[],"annotations":{"a":1}}"#,
        #"{"schemaVersion":2,"config":CONFIG,"layers":[],"mediaType":"application/vnd.oci.image.index.v1+json"}"#,
        #"{"schemaVersion":2,"config":CONFIG,"layers":[],"mediaType":"nonsense"}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a/b","size":-1,"digest":"DIGEST"},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a/b","size":1.0,"digest":"DIGEST"},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a/b","size":99999999999999999999,"digest":"DIGEST"},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a/b","size":1,"digest":"sha256:../../etc/passwd"},"layers":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a b/c","size":1,"digest":"DIGEST"},"layers":[]}"#,
    ])
    func `what is no manifest is refused`(_ template: String) {
        let digest = ContentDigest.hash([]).description
        let text =
            template
            .replacing("CONFIG", with: #"{"mediaType":"a/b","size":0,"digest":"DIGEST"}"#)
            .replacing("DIGEST", with: digest)
        #expect(throws: OCIError.self) { try ImageManifest(parsing: Array(text.utf8)) }
    }

    @Test func `what the peer calls a manifest must agree with what it says`() throws {
        let bytes = Self.manifest.bytes
        #expect(throws: OCIError.self) { try ImageManifest(parsing: bytes, mediaType: .index) }
        #expect(try ImageManifest(parsing: bytes, mediaType: .json) == Self.manifest)
        #expect(throws: OCIError.self) { try ImageIndex(parsing: bytes) }
    }

    @Test func `every byte of a manifest may be damaged without a trap`() {
        let bytes = Self.manifest.bytes
        for index in bytes.indices {
            for value: UInt8 in [0, 0x22, 0x7B, 0xFF] {
                var damaged = bytes
                damaged[index] = value
                _ = try? ImageManifest(parsing: damaged)
            }
            _ = try? ImageManifest(parsing: Array(bytes[..<index]))
        }
        #expect(throws: OCIError.self) { try ImageManifest(parsing: Array(bytes.dropLast())) }
    }

    @Test func `too long and too deep documents are refused`() {
        let long = [UInt8](repeating: 0x20, count: ImageManifest.maximumByteCount + 1)
        #expect(throws: OCIError.self) { try ImageManifest(parsing: long) }
        let deep = Array(String(repeating: "[", count: 100_000).utf8)
        #expect(throws: OCIError.self) { try ImageIndex(parsing: deep) }
    }

    @Test func `error documents are read and written`() throws {
        let document = ErrorDocument([
            .init(.manifestUnknown, "no such manifest", detail: ["tag": "v1"]), .init(.denied, ""),
        ])
        #expect(try ErrorDocument(parsing: document.bytes) == document)
        let hostile = #"{"errors":[{"code":"A\u001b[31m","message":"x\u0007y"}]}"#
        let entry = try #require(try ErrorDocument(parsing: Array(hostile.utf8)).errors.first)
        #expect(!entry.code.description.unicodeScalars.contains("\u{1B}"))
        #expect(entry.message == "x\u{FFFD}y")
        let many = ErrorDocument((0..<500).map { _ in .init(.denied, "") })
        #expect(try ErrorDocument(parsing: many.bytes).errors.count == ErrorDocument.maximumCount)
    }

    @Test func `lists of tags are read and written`() throws {
        let list = TagList(
            name: try RepositoryName(parsing: "a/b"), tags: try ["v1", "v2"].map { try Tag(parsing: $0) })
        #expect(try TagList(parsing: list.bytes) == list)
        #expect(try TagList(parsing: Array(#"{"name":"a","tags":null}"#.utf8)).tags.isEmpty)
        #expect(throws: OCIError.self) { try TagList(parsing: Array(#"{"name":"a","tags":["../x"]}"#.utf8)) }
        #expect(throws: OCIError.self) { try TagList(parsing: Array(#"{"name":"a","tags":[1]}"#.utf8)) }
    }

    @Test func `a model configuration has no date and only the fields of its schema`() throws {
        let configuration = ModelConfiguration(
            name: "a", licenses: ["MIT"], format: "adpt", precision: "bfloat16", layers: [.hash([1])])
        #expect(try ModelConfiguration(parsing: configuration.bytes) == configuration)
        let value = try JSON.parse(configuration.bytes)
        #expect(value.map?.keys.sorted() == ["config", "descriptor", "modelfs"])
        #expect(value["modelfs"]?["type"]?.string == "layers")
    }
}

struct DigestTests {
    @Test func `digests agree with the standard's examples`() {
        // FIPS 180-4 examples: the message "abc".
        let abc = Array("abc".utf8)
        #expect(
            ContentDigest.hash(abc).description
                == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            ContentDigest.hash(abc, algorithm: .sha512).hexadecimal == """
                ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
                2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f
                """)
    }

    @Test func `a digest is read as it is written, and nothing else is one`() throws {
        let digest = ContentDigest.hash([])
        #expect(try ContentDigest(parsing: digest.description) == digest)
        #expect(digest.sha256 == SHA256.hash([]))
        for text in [
            "", "sha256", "sha256:", digest.description.uppercased(), digest.description + "0",
            digest.hexadecimal, "sha512:" + digest.hexadecimal, "sha256:" + String(repeating: "g", count: 64),
            "sha256:" + String(repeating: "é", count: 32), "sha256:sha256:" + digest.hexadecimal,
        ] {
            #expect(throws: OCIError.self) { try ContentDigest(parsing: text) }
        }
    }
}
