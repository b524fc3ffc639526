import OCIDistribution
import Testing

extension ConformanceCase {
    /// "Content Management": end-9 and end-10.
    static let management: [ConformanceCase] = [
        ConformanceCase(name: "a tag goes, its manifest stays", features: .tagDeletion) { peer throws in
            let bytes = try peer.image().bytes
            #expect(try peer.push(bytes, as: "v1").status == 201)
            #expect(try peer.delete("manifests/v1").status == 202)
            #expect(try peer.head("manifests/v1").status == 404)
            #expect(try peer.get("manifests/\(ContentDigest.hash(bytes))").body == bytes)
            #expect(try peer.delete("manifests/v1").status == 404)
        },
        ConformanceCase(name: "a manifest goes with its tags") { peer throws in
            let bytes = try peer.image().bytes
            let digest = ContentDigest.hash(bytes)
            for tag in ["v1", "v2"] { #expect(try peer.push(bytes, as: tag).status == 201) }
            #expect(try peer.delete("manifests/\(digest)").status == 202)
            for reference in ["v1", "v2", digest.description] {
                #expect(try peer.head("manifests/\(reference)").status == 404)
            }
            #expect(try peer.delete("manifests/\(digest)").status == 404)
            if peer.features.contains(.referrers) {
                #expect(try peer.get("tags/list").json["tags"] as? [String] == [])
            }
        },
        ConformanceCase(name: "a referrer that goes is no referrer any more", features: .referrers) { peer throws in
            let subject = Descriptor(of: Peer.bytes(12), mediaType: .manifest)
            let bytes = try peer.image(subject: subject).bytes
            let digest = ContentDigest.hash(bytes)
            #expect(try peer.push(bytes, as: digest.description).status == 201)
            #expect(try peer.delete("manifests/\(digest)").status == 202)
            #expect(try ImageIndex(parsing: try peer.get("referrers/\(subject.digest)").body).manifests.isEmpty)
        },
        ConformanceCase(name: "a blob goes") { peer throws in
            let digest = try peer.push(blob: Peer.bytes(512))
            #expect(try peer.delete("blobs/\(digest)").status == 202)
            #expect(try peer.head("blobs/\(digest)").status == 404)
            #expect(try peer.delete("blobs/\(digest)").status == 404)
            // And comes again.
            let blob = Peer.bytes(64)
            let again = try peer.push(blob: blob)
            #expect(try peer.delete("blobs/\(again)").status == 202)
            #expect(try peer.push(blob: blob) == again)
            #expect(try peer.get("blobs/\(again)").body == blob)
        },
    ]
}
