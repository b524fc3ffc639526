import OCIDistribution
import Testing

extension ConformanceCase {
    /// "Pull": end-1 to end-3.
    static let pull: [ConformanceCase] = [
        ConformanceCase(name: "the base answers") { peer throws in
            #expect(try peer.client.request("GET", "/v2/").status == 200)
        },
        ConformanceCase(name: "what is not there is not found") { peer throws in
            try peer.push(blob: Peer.bytes(8))
            let digest = ContentDigest.hash(Peer.bytes(64))
            for path in ["blobs/\(digest)", "manifests/\(digest)", "manifests/nothing"] {
                let answer = try peer.get(path)
                #expect(answer.status == 404)
                #expect(["BLOB_UNKNOWN", "MANIFEST_UNKNOWN"].contains(answer.codes.first ?? ""))
                let head = try peer.head(path)
                #expect(head.status == 404)
                #expect(head.body.isEmpty)
            }
        },
        ConformanceCase(name: "a blob comes back with its length and digest, by GET and HEAD") { peer throws in
            for byteCount in [0, 2, 512, 3_000_001] {
                let blob = Peer.bytes(byteCount)
                let digest = try peer.push(blob: blob)
                let get = try peer.get("blobs/\(digest)")
                #expect(get.status == 200)
                #expect(get.body == blob)
                let head = try peer.head("blobs/\(digest)")
                #expect(head.status == 200)
                for answer in [get, head] {
                    #expect(answer["Content-Length"] == String(byteCount))
                    if peer.features.contains(.digestHeaders) {
                        #expect(answer["Docker-Content-Digest"] == digest.description)
                    }
                }
            }
        },
        ConformanceCase(name: "ranges of a blob") { peer throws in
            let blob = Peer.bytes(2048)
            let digest = try peer.push(blob: blob)
            let ranges: [(String, Range<Int>)] = [
                ("500-1499", 500..<1500), ("500-", 500..<2048), ("-500", 1548..<2048), ("2000-5000", 2000..<2048),
                ("0-0", 0..<1), ("2047-", 2047..<2048),
            ]
            for (text, range) in ranges {
                let answer = try peer.get("blobs/\(digest)", headers: [("Range", "bytes=\(text)")])
                #expect(answer.status == 206, "\(text)")
                #expect(answer.body == Array(blob[range]), "\(text)")
                #expect(answer["Content-Length"] == String(range.count))
                #expect(
                    answer["Content-Range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/2048", "\(text)")
            }
            for text in peer.features.contains(.strict) ? ["500-0", "5000-10000", "2048-"] : [] {
                let answer = try peer.get("blobs/\(digest)", headers: [("Range", "bytes=\(text)")])
                #expect(answer.status == 416, "\(text)")
            }
        },
        ConformanceCase(name: "a digest that is none is refused", features: .strict) { peer throws in
            try peer.push(blob: [])
            for path in ["manifests/sha256:baddigeststring", "blobs/sha256:baddigeststring"] {
                #expect([400, 404].contains(try peer.get(path).status))
            }
            #expect(try peer.push([], as: "sha256:baddigeststring").status >= 400)
        },
        ConformanceCase(name: "a manifest comes back byte for byte, by tag and by digest") { peer throws in
            // White space and fields that nobody knows stay.
            let image = try peer.image()
            var text = String(decoding: image.bytes, as: UTF8.self)
            text.insert(
                contentsOf: " \n \"org.example.unknown\" : [1, 2.50, {}] ,", at: text.index(after: text.startIndex))
            let bytes = Array(text.utf8)
            let digest = ContentDigest.hash(bytes)
            #expect(try peer.push(bytes, as: "v1").status == 201)
            for reference in ["v1", digest.description] {
                let get = try peer.get(
                    "manifests/\(reference)", headers: [("Accept", MediaType.manifest.description)])
                #expect(get.status == 200)
                #expect(get.body == bytes)
                #expect(get["Content-Type"] == MediaType.manifest.description)
                let head = try peer.client.request(
                    "HEAD", peer.path("manifests/\(reference)"), headers: [("Accept", MediaType.manifest.description)])
                #expect(head.status == 200)
                #expect(head["Content-Length"] == String(bytes.count))
                #expect(head["Docker-Content-Digest"] == digest.description)
            }
        },
        ConformanceCase(name: "content named by SHA-512", features: .sha512) { peer throws in
            let image = try peer.image(algorithm: .sha512)
            let digest = ContentDigest.hash(image.bytes, algorithm: .sha512)
            #expect(try peer.push(image.bytes, as: digest.description).status == 201)
            let get = try peer.get("manifests/\(digest)")
            #expect(get.body == image.bytes)
            #expect(get["Docker-Content-Digest"] == digest.description)
            let layer = try #require(image.layers.first?.digest)
            #expect(layer.algorithm == .sha512)
            let blob = try peer.get("blobs/\(layer)")
            #expect(ContentDigest.hash(blob.body, algorithm: .sha512) == layer)
            #expect(blob["Docker-Content-Digest"] == layer.description)
        },
    ]
}
