import OCIDistribution
import Testing

extension ConformanceCase {
    /// "Push": end-4 to end-7, end-11, end-13 and end-14.
    static let push: [ConformanceCase] = blobPush + chunks + mounts + manifestPush

    private static let blobPush: [ConformanceCase] = [
        ConformanceCase(name: "POST and PUT") { peer throws in
            let blob = Peer.bytes(512)
            let digest = try peer.push(blob: blob)
            #expect(try peer.get("blobs/\(digest)").body == blob)
        },
        ConformanceCase(name: "a single POST", features: .singlePost) { peer throws in
            let blob = Peer.bytes(512)
            let digest = ContentDigest.hash(blob)
            let answer = try peer.client.request("POST", peer.path("blobs/uploads/?digest=\(digest)"), body: blob)
            #expect(answer.status == 201)
            let location = try #require(answer["Location"])
            #expect(try peer.client.request("GET", Peer.path(of: location)).body == blob)
        },
        ConformanceCase(name: "bytes with another digest are refused and not stored") { peer throws in
            let blob = Peer.bytes(600)
            let digest = ContentDigest.hash(blob)
            let wrong = blob + Array("oh no".utf8)
            let single = try peer.client.request("POST", peer.path("blobs/uploads/?digest=\(digest)"), body: wrong)
            #expect([400, 202].contains(single.status))
            let put = try peer.client.request(
                "PUT", Peer.location(try peer.startUpload(), adding: "digest=\(digest)"), body: wrong)
            #expect(put.status == 400)
            #expect(put.codes == ["DIGEST_INVALID"])
            let patch = try peer.client.request("PATCH", Peer.path(of: try peer.startUpload()), body: wrong)
            #expect(patch.status == 202)
            let location = try #require(patch["Location"])
            let end = try peer.client.request("PUT", Peer.location(location, adding: "digest=\(digest)"), body: [])
            #expect(end.status == 400)
            #expect(try peer.head("blobs/\(digest)").status == 404)
        },
        ConformanceCase(name: "a stream without a length") { peer throws in
            let blob = Peer.bytes(5000)
            let digest = ContentDigest.hash(blob)
            let path = Peer.path(of: try peer.startUpload())
            try peer.client.write(
                "PATCH \(path) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
                    + "Content-Type: application/octet-stream\r\n\r\n")
            for start in stride(from: 0, to: blob.count, by: 1700) {
                let piece = blob[start..<min(start + 1700, blob.count)]
                try peer.client.write(Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
            }
            try peer.client.write("0\r\n\r\n")
            let answer = try peer.client.answer()
            #expect(answer.status == 202)
            let location = try #require(answer["Location"])
            let end = try peer.client.request("PUT", Peer.location(location, adding: "digest=\(digest)"), body: [])
            #expect(end.status == 201)
            #expect(try peer.get("blobs/\(digest)").body == blob)
        },
        ConformanceCase(name: "a cancelled upload is gone", features: .cancel) { peer throws in
            let path = Peer.path(of: try peer.startUpload())
            #expect(try peer.client.request("DELETE", path).status == 204)
            #expect(try peer.client.request("GET", path).codes == ["BLOB_UPLOAD_UNKNOWN"])
        },
        ConformanceCase(name: "an algorithm that nobody knows is refused") { peer throws in
            let path = Peer.location(try peer.startUpload(), adding: "digest=md5:d41d8cd98f00b204e9800998ecf8427e")
            #expect(try peer.client.request("PUT", path, body: []).status == 400)
        },
    ]

    private static let chunks: [ConformanceCase] = [
        ConformanceCase(name: "chunks in order, the last with PATCH or with PUT") { peer throws in
            for isLastInPut in [false, true] {
                let blob = Peer.bytes(2995)
                let digest = ContentDigest.hash(blob)
                var location = try peer.startUpload()
                for start in stride(from: 0, to: isLastInPut ? 2000 : 2995, by: 1000) {
                    let end = min(start + 1000, blob.count)
                    let answer = try peer.client.request(
                        "PATCH", Peer.path(of: location), headers: [("Content-Range", "\(start)-\(end - 1)")],
                        body: Array(blob[start..<end]))
                    #expect(answer.status == 202)
                    #expect(answer["Range"] == "0-\(end - 1)")
                    location = try #require(answer["Location"])
                }
                let rest = isLastInPut ? Array(blob[2000...]) : []
                let answer = try peer.client.request(
                    "PUT", Peer.location(location, adding: "digest=\(digest)"),
                    headers: isLastInPut ? [("Content-Range", "2000-2994")] : [], body: rest)
                #expect(answer.status == 201)
                #expect(try peer.get("blobs/\(digest)").body == blob)
            }
        },
        ConformanceCase(name: "a chunk out of order is refused, and the upload goes on", features: .orderedChunks) {
            peer throws in
            let blob = Peer.bytes(1500)
            let digest = ContentDigest.hash(blob)
            var location = try peer.startUpload()
            let early = try peer.client.request(
                "PATCH", Peer.path(of: location), headers: [("Content-Range", "500-999")],
                body: Array(blob[500..<1000]))
            #expect(early.status == 416)
            let first = try peer.client.request(
                "PATCH", Peer.path(of: location), headers: [("Content-Range", "0-499")], body: Array(blob[..<500]))
            #expect(first.status == 202)
            location = try #require(first["Location"])
            let again = try peer.client.request(
                "PATCH", Peer.path(of: location), headers: [("Content-Range", "0-499")], body: Array(blob[..<500]))
            #expect(again.status == 416)
            let status = try peer.client.request("GET", Peer.path(of: location))
            #expect(status.status == 204)
            #expect(status["Range"] == "0-499")
            location = try #require(status["Location"])
            let late = try peer.client.request(
                "PUT", Peer.location(location, adding: "digest=\(digest)"),
                headers: [("Content-Range", "1000-1499")], body: Array(blob[1000...]))
            #expect(late.status == 416)
            let end = try peer.client.request(
                "PUT", Peer.location(location, adding: "digest=\(digest)"), headers: [("Content-Range", "500-1499")],
                body: Array(blob[500...]))
            #expect(end.status == 201)
            #expect(try peer.get("blobs/\(digest)").body == blob)
        },
    ]

    private static let mounts: [ConformanceCase] = [
        ConformanceCase(name: "a blob is mounted from another repository") { peer throws in
            let blob = Peer.bytes(512)
            let digest = try peer.push(blob: blob)
            let other = try Peer(port: peer.client.port, features: peer.features)
            let answer = try other.client.request(
                "POST", other.path("blobs/uploads/?mount=\(digest)&from=\(peer.name)"), body: [])
            #expect(answer.status == 201)
            let location = try #require(answer["Location"])
            #expect(try other.client.request("GET", Peer.path(of: location)).body == blob)
        },
        ConformanceCase(name: "a blob is mounted without saying from where", features: .anonymousMount) { peer throws in
            let digest = try peer.push(blob: Peer.bytes(512))
            let other = try Peer(port: peer.client.port, features: peer.features)
            let answer = try other.client.request("POST", other.path("blobs/uploads/?mount=\(digest)"), body: [])
            #expect(answer.status == 201)
            #expect(try other.head("blobs/\(digest)").status == 200)
        },
        ConformanceCase(name: "what cannot be mounted is uploaded") { peer throws in
            let blob = Peer.bytes(512)
            let digest = ContentDigest.hash(blob)
            let answer = try peer.client.request(
                "POST", peer.path("blobs/uploads/?mount=\(digest)&from=conformance/nowhere"), body: [])
            #expect(answer.status == 202)
            let location = try #require(answer["Location"])
            let end = try peer.client.request("PUT", Peer.location(location, adding: "digest=\(digest)"), body: blob)
            #expect(end.status == 201)
        },
    ]

    private static let manifestPush: [ConformanceCase] = [
        ConformanceCase(name: "a manifest whose digest is another is refused") { peer throws in
            let image = try peer.image()
            let digest = ContentDigest.hash(image.bytes)
            let answer = try peer.push(image.bytes + Array("  ".utf8), as: digest.description)
            #expect(answer.status == 400)
            #expect(answer.codes == ["DIGEST_INVALID"])
            #expect(try peer.head("manifests/\(digest)").status == 404)
        },
        ConformanceCase(name: "a manifest that needs a blob that is not there is refused") { peer throws in
            var image = try peer.image(layers: 1)
            image.layers.append(Descriptor(of: Peer.bytes(32), mediaType: .octets))
            let answer = try peer.push(image.bytes, as: "v1")
            #expect(answer.status >= 400 && answer.status < 500)
            #expect(answer.codes.contains("MANIFEST_BLOB_UNKNOWN"))
        },
        ConformanceCase(name: "what is no manifest is refused", features: .strict) { peer throws in
            try peer.push(blob: [])
            for text in ["", "{", "[]", "{\"schemaVersion\":2}", "{\"schemaVersion\":1,\"layers\":[]}"] {
                let answer = try peer.push(Array(text.utf8), as: "v1")
                #expect(answer.status == 400, "\(text)")
            }
        },
        ConformanceCase(name: "four mebibytes of manifest", features: .strict) { peer throws in
            let annotations = Dictionary(
                uniqueKeysWithValues: (0..<390).map { ("large-\($0)", String(repeating: "A", count: 10_000)) })
            let bytes = try peer.image(annotations: annotations).bytes
            #expect(bytes.count > 3_900_000)
            #expect(try peer.push(bytes, as: "large").status == 201)
            #expect(try peer.get("manifests/large").body == bytes)
            let larger = try peer.image(annotations: ["much": String(repeating: "A", count: 5 << 20)]).bytes
            #expect(try peer.push(larger, as: "larger").status == 413)
        },
        ConformanceCase(name: "an index, one within another, and an empty one") { peer throws in
            var children: [Descriptor] = []
            for _ in 0..<2 {
                let bytes = try peer.image().bytes
                let child = Descriptor(of: bytes, mediaType: .manifest)
                #expect(try peer.push(bytes, as: child.digest.description).status == 201)
                children.append(child)
            }
            let inner = ImageIndex(manifests: children).bytes
            let innerDigest = ContentDigest.hash(inner)
            #expect(try peer.push(inner, as: innerDigest.description, type: .index).status == 201)
            let outer = ImageIndex(manifests: [Descriptor(of: inner, mediaType: .index)]).bytes
            #expect(try peer.push(outer, as: "outer", type: .index).status == 201)
            #expect(try peer.get("manifests/outer", headers: [("Accept", MediaType.index.description)]).body == outer)
            let empty = ImageIndex().bytes
            #expect(try peer.push(empty, as: "empty", type: .index).status == 201)
        },
        ConformanceCase(name: "no layers, and an artifact with the empty configuration") { peer throws in
            #expect(try peer.push(try peer.image(layers: 0).bytes, as: "bare").status == 201)
            let empty = Array("{}".utf8)
            try peer.push(blob: empty)
            let image = ImageManifest(
                artifactType: try MediaType(parsing: "application/vnd.example.thing"),
                configuration: Descriptor(of: empty, mediaType: .empty),
                layers: [Descriptor(of: empty, mediaType: .empty)])
            #expect(try peer.push(image.bytes, as: "artifact").status == 201)
        },
        ConformanceCase(name: "tags in the query of a manifest", features: .tagParameters) { peer throws in
            let bytes = try peer.image().bytes
            let digest = ContentDigest.hash(bytes)
            let answer = try peer.push(bytes, as: "\(digest)?tag=1.2.3&tag=1.2&tag=latest")
            #expect(answer.status == 201)
            let tags = Set((answer["OCI-Tag"] ?? "").split(separator: ",").map { $0.trimmingPrefix(" ") })
            #expect(tags == ["1.2.3", "1.2", "latest"])
            for tag in tags { #expect(try peer.get("manifests/\(tag)").body == bytes) }
        },
    ]
}
