import AdapterFormat
import AdapterInterchange
import AdapterRegistry
import AdapterServer
import Adapters
import Foundation
import Integrity
import OCIDistribution
import Testing

/// Adapters that were pushed with `adapterctl`, seen through the OCI protocol, and the other way round.
@Suite struct LocalAdapterTests {
    private let name: RepositoryName

    init() throws { name = try RepositoryName(parsing: "team/support") }

    private func push(_ fixture: String, to folder: String, as tag: String = "v1") throws -> StoredAdapter {
        let adapter = try PEFT.read(folder: Fixtures.peft(fixture))
        return try Registry(opening: folder).push(adapter, as: Reference(name, tag: Tag(parsing: tag)))
    }

    @Test func `An adapter of the registry's own is an artifact, the same every time`() async throws {
        var manifests: [[UInt8]] = []
        for _ in 0..<2 {
            try await TestServer.run { port, folder in
                let stored = try push("llama-task-a", to: folder)
                let peer = try Peer(port: port, name: name.description)
                #expect(try peer.get("tags/list").json["tags"] as? [String] == ["v1"])
                let answer = try peer.get("manifests/v1")
                #expect(answer.status == 200)
                let manifest = try ImageManifest(parsing: answer.body)
                #expect(answer["Docker-Content-Digest"] == ContentDigest.hash(answer.body).description)
                #expect(manifest.artifactType == .model)
                #expect(manifest.layers.map(\.mediaType) == [.modelWeight, .modelWeightConfiguration])
                #expect(manifest.layers[0].digest.sha256 == stored.digest)
                #expect(manifest.annotations["org.adapterctl.adapter.content-digest"] == stored.contentRoot.description)
                for descriptor in [manifest.configuration] + manifest.layers {
                    let blob = try peer.get("blobs/\(descriptor.digest)")
                    #expect(ContentDigest.hash(blob.body) == descriptor.digest)
                    #expect(blob.body.count == descriptor.byteCount)
                }
                // By its digest too, also when nobody has asked for the tag.
                let digest = ContentDigest.hash(answer.body)
                #expect(try peer.get("manifests/\(digest)").body == answer.body)
                manifests.append(answer.body)
            }
            if manifests.count == 2 { #expect(manifests[0] == manifests[1]) }
        }
    }

    @Test func `An adapter that is pushed to the server is one of the registry's own`() async throws {
        try await TestServer.run { port, folder in
            let stored = try push("llama-task-a", to: folder)
            let source = try Peer(port: port, name: name.description)
            let target = try Peer(port: port, name: "team/copy")
            let bytes = try source.get("manifests/v1").body
            let manifest = try ImageManifest(parsing: bytes)
            for descriptor in [manifest.configuration] + manifest.layers {
                try target.push(blob: try source.get("blobs/\(descriptor.digest)").body)
            }
            #expect(try target.push(bytes, as: "v7").status == 201)
            let registry = try Registry(opening: folder)
            let copy = try registry.resolve(Reference(parsing: "team/copy:v7"))
            #expect(copy.digest == stored.digest)
            #expect(copy.summary.ranks == stored.summary.ranks)
            #expect(try registry.check().isEmpty)
            #expect(try target.get("manifests/v7").body == bytes)
            #expect(try target.delete("manifests/\(ContentDigest.hash(bytes))").status == 202)
            #expect(try target.get("manifests/v7").status == 404)
            #expect(try registry.list().map(\.reference.description) == ["team/support:v1"])
        }
    }

    @Test func `PEFT's files that are pushed are an adapter of the registry's own`() async throws {
        try await TestServer.run { port, folder in
            let peer = try Peer(port: port, name: "team/peft")
            var image = try peer.image(layers: 0)
            for name in ["adapter_model.safetensors", "adapter_config.json"] {
                let url = URL(fileURLWithPath: "\(Fixtures.peft("llama-task-a"))/\(name)")
                let bytes = Array(try Data(contentsOf: url))
                try peer.push(blob: bytes)
                image.layers.append(
                    Descriptor(
                        of: bytes, mediaType: .modelWeight, annotations: ["org.cncf.model.filepath": name]))
            }
            #expect(try peer.push(image.bytes, as: "v1").status == 201)
            #expect(try peer.get("manifests/v1").body == image.bytes)
            let registry = try Registry(opening: folder)
            let stored = try push("llama-task-a", to: folder)
            #expect(try registry.resolve(Reference(parsing: "team/peft:v1")).contentRoot == stored.contentRoot)
            #expect(try registry.check().isEmpty)
            #expect(try registry.verifyLog().faults.isEmpty)
        }
    }

    @Test func `What says that it is an adapter and is none is refused`() async throws {
        try await TestServer.run { port, _ in
            let peer = try Peer(port: port)
            var image = try peer.image(layers: 0)
            let bytes = Peer.bytes(1000)
            try peer.push(blob: bytes)
            image.layers = [
                Descriptor(
                    of: bytes, mediaType: .modelWeight, annotations: ["org.cncf.model.filepath": "adapter.adpt"])
            ]
            let answer = try peer.push(image.bytes, as: "v1")
            #expect(answer.status == 400)
            #expect(answer.codes == ["MANIFEST_INVALID"])
            #expect(try peer.get("manifests/v1").status == 404)
        }
    }

    @Test func `Immutable tags stay, and read-only servers change nothing`() async throws {
        try await TestServer.run { port, folder in
            _ = try push("llama-task-a", to: folder)
            let registry = try Registry(opening: folder)
            try registry.tag(
                Reference(name, tag: Tag(parsing: "v1")), as: Reference(name, tag: Tag(parsing: "fixed")),
                immutable: true)
            let peer = try Peer(port: port, name: name.description)
            let answer = try peer.push(try peer.image().bytes, as: "fixed")
            #expect(answer.status == 409)
            #expect(answer.codes == ["DENIED"])
            try await TestServer.run { options in
                options.registry = folder
                options.isReadOnly = true
            } _: { port, _ in
                let peer = try Peer(port: port, name: name.description)
                #expect(try peer.get("manifests/fixed").status == 200)
                let answer = try peer.client.request("POST", peer.path("blobs/uploads/"), body: [])
                #expect(answer.status == 405)
                #expect(answer.codes == ["UNSUPPORTED"])
                #expect(try peer.delete("manifests/v1").status == 405)
            }
        }
    }
}

/// The adapters under `fixtures/`.
enum Fixtures {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    static func peft(_ name: String) -> String { "\(root)/fixtures/data/peft/\(name)" }
}
