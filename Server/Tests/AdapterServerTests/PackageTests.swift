import AdapterFormat
import AdapterInterchange
import AdapterRegistry
import AdapterServer
import Adapters
import FileSystem
import Foundation
import Integrity
import OCIDistribution
import Testing

/// What belongs to an adapter beside its file, both ways: manifests that follow from it, documents about it, files that
/// other programs name in their own way.
@Suite struct PackageTests {
    private let name: RepositoryName

    init() throws { name = try RepositoryName(parsing: "team/support") }

    private func push(_ fixture: String, to folder: String, as tag: String = "v1") throws -> StoredAdapter {
        let adapter = try PEFT.read(folder: Fixtures.peft(fixture))
        return try Registry(opening: folder).push(adapter, as: Reference(name, tag: Tag(parsing: tag)))
    }

    private func repository(_ port: Int, _ name: String = "team/support") throws -> RemoteRepository {
        let reference = try RemoteReference(parsing: "oci://127.0.0.1:\(port)/\(name):v1")
        return RemoteRepository(try RegistryClient(for: reference, credentials: nil), reference.repository)
    }

    // MARK: Manifests that follow from adapters

    @Test func `What a client pulls it may push again, changed, listed or elsewhere`() async throws {
        try await TestServer.run { port, folder in
            let stored = try push("llama-task-a", to: folder)
            let peer = try Peer(port: port, name: name.description)
            let bytes = try peer.get("manifests/v1").body
            var image = try ImageManifest(parsing: bytes)
            // A client sends no blob that it was told is there.
            for descriptor in [image.configuration] + image.layers {
                #expect(try peer.head("blobs/\(descriptor.digest)").status == 200)
            }
            #expect(try peer.push(bytes, as: "v2").status == 201)
            #expect(try peer.get("manifests/v2").body == bytes)
            image.annotations["note"] = "mine"
            #expect(try peer.push(image.bytes, as: "v3").status == 201)

            let index = ImageIndex(manifests: [Descriptor(of: bytes, mediaType: .manifest)])
            #expect(try peer.push(index.bytes, as: "all", type: .index).status == 201)

            let target = try Peer(port: port, name: "team/copy")
            for (query, descriptor) in [("&from=\(name)", image.configuration), ("", image.layers[1])] {
                let answer = try target.client.request(
                    "POST", target.path("blobs/uploads/?mount=\(descriptor.digest)\(query)"), body: [])
                #expect(answer.status == 201)
                #expect(try target.head("blobs/\(descriptor.digest)").status == 200)
            }

            let registry = try Registry(opening: folder)
            for tag in ["v2", "v3"] {
                #expect(try registry.resolve(Reference(name, tag: Tag(parsing: tag))).digest == stored.digest)
            }
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `An index over a manifest that nobody has asked for is stored`() async throws {
        try await TestServer.run { port, folder in
            let stored = try push("llama-task-a", to: folder)
            let package = try AdapterPackage(Registry(opening: folder).open(stored), digest: stored.digest)
            let peer = try Peer(port: port, name: name.description)
            let descriptor = Descriptor(of: package.manifest.bytes, mediaType: .manifest)
            let index = ImageIndex(manifests: [descriptor])
            #expect(try peer.push(index.bytes, as: "all", type: .index).status == 201)
            #expect(try peer.get("manifests/\(descriptor.digest)").body == package.manifest.bytes)
        }
    }

    @Test func `A version that comes later is found, and one that went is not`() async throws {
        try await TestServer.run { port, folder in
            let registry = try Registry(opening: folder)
            let peer = try Peer(port: port, name: name.description)
            var digests: [ContentDigest] = []
            for (fixture, tag) in [("llama-task-a", "v1"), ("llama-task-b", "v2")] {
                let stored = try push(fixture, to: folder, as: tag)
                let package = try AdapterPackage(registry.open(stored), digest: stored.digest)
                digests.append(ContentDigest.hash(package.manifest.bytes))
                // Asked for what is not there, too.
                #expect(try peer.head("blobs/\(ContentDigest.hash(Array(tag.utf8)))").status == 404)
                #expect(try peer.head("manifests/\(digests[digests.count - 1])").status == 200)
            }
            try registry.remove(Reference(name, tag: Tag(parsing: "v1")))
            #expect(try peer.head("manifests/\(digests[0])").status == 404)
            #expect(try peer.head("manifests/\(digests[1])").status == 200)
            #expect(try Peer(port: port, name: "team/other").head("manifests/\(digests[1])").status == 404)
        }
    }

    // MARK: Content

    static let malformed =
        (try? FileManager.default.contentsOfDirectory(atPath: "\(Fixtures.root)/fixtures/data/malformed"))?
        .filter { $0.hasPrefix("malformedChunk") || $0.hasPrefix("digestMismatch--chunk") }.sorted() ?? []

    @Test func `A file with a chunk that is wrong is no adapter`() async throws {
        #expect(PackageTests.malformed.count > 40)
        try await TestServer.run { port, folder in
            let peer = try Peer(port: port)
            let image = try peer.image(layers: 0)
            for name in PackageTests.malformed {
                var image = image
                let url = URL(fileURLWithPath: "\(Fixtures.root)/fixtures/data/malformed/\(name)")
                let bytes = Array(try Data(contentsOf: url))
                try peer.push(blob: bytes)
                image.layers = [
                    Descriptor(
                        of: bytes, mediaType: .modelWeight, annotations: ["org.cncf.model.filepath": "adapter.adpt"])
                ]
                let answer = try peer.push(image.bytes, as: "v1")
                #expect(answer.status == 400, "\(name)")
                #expect(answer.codes == ["MANIFEST_INVALID"], "\(name)")
                #expect(try peer.get("manifests/v1").status == 404, "\(name)")
            }
            #expect(try Registry(opening: folder).list().isEmpty)
        }
    }

    @Test func `Files that are named as oras names them are an adapter`() async throws {
        try await TestServer.run { port, folder in
            let peer = try Peer(port: port, name: "team/peft")
            var image = try peer.image(layers: 0)
            for name in ["adapter_config.json", "adapter_model.safetensors"] {
                let url = URL(fileURLWithPath: "\(Fixtures.peft("llama-task-a"))/\(name)")
                let bytes = Array(try Data(contentsOf: url))
                try peer.push(blob: bytes)
                image.layers.append(
                    Descriptor(
                        of: bytes, mediaType: .octets,
                        annotations: ["org.opencontainers.image.title": "support/\(name)"]))
            }
            #expect(try peer.push(image.bytes, as: "v1").status == 201)
            let stored = try push("llama-task-a", to: folder)
            let registry = try Registry(opening: folder)
            #expect(try registry.resolve(Reference(parsing: "team/peft:v1")).contentRoot == stored.contentRoot)

            let file = Array(try Data(contentsOf: URL(fileURLWithPath: stored.path)))
            try peer.push(blob: file)
            image.layers = [
                Descriptor(of: file, mediaType: .octets, annotations: ["org.opencontainers.image.title": "x.adpt"])
            ]
            #expect(try peer.push(image.bytes, as: "v2").status == 201)
            #expect(try registry.resolve(Reference(parsing: "team/peft:v2")).digest == stored.digest)
        }
    }

    @Test func `A manifest that is refused moves no tag`() async throws {
        try await TestServer.run { port, folder in
            let peer = try Peer(port: port, name: "team/peft")
            var image = try peer.image(layers: 0)
            for name in ["adapter_config.json", "adapter_model.safetensors"] {
                let url = URL(fileURLWithPath: "\(Fixtures.peft("llama-task-a"))/\(name)")
                let bytes = Array(try Data(contentsOf: url))
                try peer.push(blob: bytes)
                image.layers.append(
                    Descriptor(of: bytes, mediaType: .modelWeight, annotations: ["org.cncf.model.filepath": name]))
            }
            image.layers.append(Descriptor(of: Peer.bytes(10), mediaType: .octets))
            let answer = try peer.push(image.bytes, as: "v1")
            #expect(answer.status == 400)
            #expect(answer.codes == ["MANIFEST_BLOB_UNKNOWN"])
            #expect(try peer.get("manifests/v1").status == 404)
            #expect(try Registry(opening: folder).list().isEmpty)
        }
    }

    // MARK: Documents

    @Test func `Documents about an adapter are referrers of its manifest`() async throws {
        try await TestServer.run { port, folder in
            let stored = try push("llama-task-a", to: folder)
            let registry = try Registry(opening: folder)
            let remote = try repository(port)
            let digest = try remote.manifest("v1").digest
            #expect(try remote.referrers(of: digest).isEmpty)
            try registry.attach("{\"a\":1}", named: "a.json", to: stored.reference)
            try registry.attach("{\"b\":1}", named: "b.json", to: stored.reference)
            var skipped: [String] = []
            let found = try PackageDocument.fetch(about: digest, from: remote) { skipped.append($0) }
            #expect(skipped.isEmpty)
            #expect(Set(found.map(\.name)) == ["a.json", "b.json"])
            #expect(Set(found.map(\.text)) == ["{\"a\":1}", "{\"b\":1}"])
            let type = try #require(try remote.referrers(of: digest).first?.artifactType)
            let peer = try Peer(port: port, name: name.description)
            let listed = try ImageIndex(
                parsing: peer.get("referrers/\(digest)?artifactType=\(type)").body)
            #expect(listed.manifests.count == 2)
            #expect(listed.manifests == listed.manifests.sorted { $0.digest < $1.digest })
            let rest = try ImageIndex(parsing: peer.get("referrers/\(digest)?last=\(listed.manifests[0].digest)").body)
            #expect(rest.manifests == [listed.manifests[1]])
            #expect(try peer.get("referrers/\(digest)?artifactType=x/y").json["manifests"] as? [String] == [])
        }
        // Known by their digests to a server that has listed nothing yet.
        try await TestServer.run { port, folder in
            let stored = try push("llama-task-a", to: folder)
            try Registry(opening: folder).attach("{\"a\":1}", named: "a.json", to: stored.reference)
            let package = try AdapterPackage(Registry(opening: folder).open(stored), digest: stored.digest)
            let manifest = try PackageDocument(kind: .other, name: "a.json", text: "{\"a\":1}")
                .manifest(about: Descriptor(of: package.manifest.bytes, mediaType: .manifest))
            let remote = try repository(port)
            let digest = ContentDigest.hash(manifest.bytes)
            #expect(try remote.manifest(digest.description).bytes == manifest.bytes)
            for descriptor in [manifest.configuration] + manifest.layers {
                #expect(try ContentDigest.hash(remote.blob(descriptor)) == descriptor.digest)
            }
        }
    }

    @Test(arguments: [AdapterPackage.Layout.adpt, .peft])
    func `Documents that a client pushes are attached, and listed once`(layout: AdapterPackage.Layout) async throws {
        try await TestServer.run { port, folder in
            let local = try Registry(opening: folder + "-client")
            defer { try? FileManager.default.removeItem(atPath: folder + "-client") }
            let adapter = try PEFT.read(folder: Fixtures.peft("llama-task-a"))
            let stored = try local.push(adapter, as: Reference(name, tag: Tag(parsing: "v1")))
            let file = try local.open(stored)
            let peft = Fixtures.peft("llama-task-a")
            let package =
                try layout == .adpt
                ? AdapterPackage(file, digest: stored.digest) : AdapterPackage(file, peftFolder: peft)
            let weights = try InputFile(
                opening: layout == .adpt ? stored.path : "\(peft)/adapter_model.safetensors")
            let remote = try repository(port)
            let documents = [
                PackageDocument(kind: .other, name: "notes.json", text: "{\"n\":1}"),
                // It is about another file, so it stays what it is: a referrer.
                PackageDocument(kind: .provenance, name: "lie.json", text: "{\"_type\":\"x\"}"),
            ]
            let push = try PackagePush(package, weights: weights, documents: documents, to: remote, tags: ["v1"])
            let there = try Registry(opening: folder)
            let copy = try there.resolve(Reference(name, tag: Tag(parsing: "v1")))
            #expect(copy.contentRoot == stored.contentRoot)
            let attached = try there.documents(of: copy)
            #expect(attached.filter { $0.kind == .other }.map(\.name) == ["notes.json"])
            #expect(!attached.contains { $0.name == "lie.json" })
            let found = try PackageDocument.fetch(about: push.digest, from: remote) { Issue.record("\($0)") }
            #expect(found.filter { $0.kind == .other }.count == 1)
            #expect(found.filter { $0.name == "lie.json" }.count == 1)
            #expect(try there.check().isEmpty)
            #expect(try there.verifyLog().faults.isEmpty)
        }
    }

    @Test func `Documents that come before their adapter are attached when it comes`() async throws {
        try await TestServer.run { port, folder in
            let local = try Registry(opening: folder + "-client")
            defer { try? FileManager.default.removeItem(atPath: folder + "-client") }
            let adapter = try PEFT.read(folder: Fixtures.peft("llama-task-a"))
            let stored = try local.push(adapter, as: Reference(name, tag: Tag(parsing: "v1")))
            let package = try AdapterPackage(local.open(stored), digest: stored.digest)
            let document = PackageDocument(kind: .other, name: "notes.json", text: "{\"n\":1}")
            let manifest = try document.manifest(about: Descriptor(of: package.manifest.bytes, mediaType: .manifest))
            let peer = try Peer(port: port, name: name.description)
            try peer.push(blob: Array("{}".utf8))
            try peer.push(blob: Array(document.text.utf8))
            #expect(try peer.push(manifest.bytes, as: "\(ContentDigest.hash(manifest.bytes))").status == 201)
            _ = try PackagePush(
                package, weights: InputFile(opening: stored.path), to: repository(port), tags: ["v1"])
            let there = try Registry(opening: folder)
            let copy = try there.resolve(Reference(name, tag: Tag(parsing: "v1")))
            #expect(try there.documents(of: copy).contains { $0.name == "notes.json" })
        }
    }
}
