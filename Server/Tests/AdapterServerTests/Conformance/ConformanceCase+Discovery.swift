import Foundation
import OCIDistribution
import Testing

extension ConformanceCase {
    /// "Content Discovery": end-8 and end-12.
    static let discovery: [ConformanceCase] = [
        ConformanceCase(name: "tags in order, in pages", features: .strict) { peer throws in
            let bytes = try peer.image().bytes
            let tags = ["latest", "v1", "v10", "v2", "A", "_x", "a.b"]
            for tag in tags { #expect(try peer.push(bytes, as: tag).status == 201) }
            func list(_ query: String) throws -> (tags: [String], link: String?) {
                let answer = try peer.get("tags/list" + query)
                #expect(answer.status == 200)
                #expect(answer.json["name"] as? String == peer.name)
                return (answer.json["tags"] as? [String] ?? [], answer["Link"])
            }
            let sorted = tags.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            #expect(try list("").tags == sorted)
            let page = try list("?n=3")
            #expect(page.tags == Array(sorted.prefix(3)))
            #expect(try list("?n=3&last=\(sorted[2])").tags == Array(sorted[3..<6]))
            #expect(try list("?last=\(sorted[4])").tags == Array(sorted[5...]))
            if let link = page.link {
                let target = try #require(LinkHeader.next(in: link))
                let next = try peer.client.request("GET", Peer.path(of: target))
                #expect(next.json["tags"] as? [String] == Array(sorted[3..<6]))
            }
            let none = try list("?n=0")
            #expect(none.tags.isEmpty)
            #expect(none.link == nil)
            #expect(try list("?n=7").link == nil)
        },
        ConformanceCase(name: "tags of a repository that does not exist") { peer throws in
            let answer = try peer.get("tags/list")
            #expect(answer.status == 404)
            #expect(answer.codes == ["NAME_UNKNOWN"])
        },
        ConformanceCase(name: "referrers, also of what is not there", features: .referrers) { peer throws in
            let none = try peer.get("referrers/\(ContentDigest.hash(Peer.bytes(9)))")
            #expect(none.status == 200)
            #expect(none["Content-Type"] == MediaType.index.description)
            #expect(try ImageIndex(parsing: none.body).manifests.isEmpty)
            #expect(try peer.get("referrers/sha256:nonsense").status == 400)
        },
        ConformanceCase(name: "referrers carry type and annotations, and are filtered", features: .referrers) {
            peer throws in
            let subject = try peer.image().bytes
            let descriptor = Descriptor(of: subject, mediaType: .manifest)
            let kinds = try ["one", "two"].map { try MediaType(parsing: "application/vnd.example.\($0)") }
            var expected: [ContentDigest: String] = [:]
            // Also before the subject is there.
            for (index, kind) in kinds.enumerated() {
                let image = try peer.image(
                    artifactType: kind, subject: descriptor, annotations: ["org.example.number": "\(index)"])
                let answer = try peer.push(image.bytes, as: ContentDigest.hash(image.bytes).description)
                #expect(answer.status == 201)
                #expect(answer["OCI-Subject"] == descriptor.digest.description)
                expected[ContentDigest.hash(image.bytes)] = kind.description
            }
            #expect(try peer.push(subject, as: "subject").status == 201)
            let plain = try peer.image(subject: descriptor)
            #expect(try peer.push(plain.bytes, as: "tagged").status == 201)
            expected[ContentDigest.hash(plain.bytes)] = MediaType.imageConfiguration.description
            let index = ImageIndex(artifactType: kinds[0], manifests: [], subject: descriptor)
            #expect(try peer.push(index.bytes, as: "index", type: .index).status == 201)
            expected[ContentDigest.hash(index.bytes)] = kinds[0].description

            let all = try peer.get("referrers/\(descriptor.digest)")
            #expect(all["OCI-Filters-Applied"] == nil)
            let found = try ImageIndex(parsing: all.body).manifests
            #expect(
                Dictionary(uniqueKeysWithValues: found.map { ($0.digest, $0.artifactType?.description ?? "") })
                    == expected)
            let one = try #require(found.first { $0.artifactType == kinds[1] })
            #expect(one.annotations == ["org.example.number": "1"])
            let type = "artifactType=" + kinds[0].description.replacingOccurrences(of: "/", with: "%2F")
            let filtered = try peer.get("referrers/\(descriptor.digest)?\(type)")
            #expect(filtered["OCI-Filters-Applied"] == "artifactType")
            #expect(try ImageIndex(parsing: filtered.body).manifests.count == 2)
            #expect(try ImageIndex(parsing: filtered.body).manifests.allSatisfy { $0.artifactType == kinds[0] })
        },
        ConformanceCase(name: "a subject that never comes") { peer throws in
            let missing = Descriptor(of: Peer.bytes(12), mediaType: .manifest)
            let image = try peer.image(subject: missing)
            #expect(try peer.push(image.bytes, as: "lonely").status == 201)
            let accept = [("Accept", MediaType.manifest.description)]
            #expect(try peer.get("manifests/lonely", headers: accept).body == image.bytes)
            guard peer.features.contains(.referrers) else { return }
            let found = try ImageIndex(parsing: try peer.get("referrers/\(missing.digest)").body).manifests
            #expect(found.map(\.digest) == [ContentDigest.hash(image.bytes)])
        },
    ]
}
