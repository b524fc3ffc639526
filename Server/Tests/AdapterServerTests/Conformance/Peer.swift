import Foundation
import OCIDistribution
import Testing

/// A registry that the conformance cases are put to: ours, or another that proves the cases.
struct Peer {
    /// What a registry claims to offer beyond the core.
    struct Features: OptionSet {
        let rawValue: Int
        static let referrers = Features(rawValue: 1)
        static let sha512 = Features(rawValue: 2)
        static let tagDeletion = Features(rawValue: 4)
        static let anonymousMount = Features(rawValue: 8)
        static let cancel = Features(rawValue: 16)
        static let tagParameters = Features(rawValue: 32)
        static let singlePost = Features(rawValue: 64)
        /// Refuses chunks that are out of order, as docker-registry does only from 3.0 on.
        static let orderedChunks = Features(rawValue: 128)
        /// Answers what is malformed with the status that the text asks for, and orders tags.
        static let strict = Features(rawValue: 256)
        static let digestHeaders = Features(rawValue: 512)
        static let all = Features(rawValue: 1023)
    }

    let client: HTTPClient
    let features: Features
    /// A repository that nobody else uses.
    let name: String

    init(port: Int, features: Features = .all, name: String = "conformance/\(UUID().uuidString.lowercased())") throws {
        client = try HTTPClient(port: port)
        self.features = features
        self.name = name
    }

    func path(_ rest: String) -> String { "/v2/\(name)/\(rest)" }

    /// Bytes that no other call has made.
    static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8.random(in: 0...255) } }

    /// The path in a `Location`, which may be absolute.
    static func path(of location: String) -> String {
        guard location.hasPrefix("http"), let url = URLComponents(string: location) else { return location }
        return url.percentEncodedPath + (url.percentEncodedQuery.map { "?\($0)" } ?? "")
    }

    /// A location with one more field of its query.
    static func location(_ location: String, adding field: String) -> String {
        let path = path(of: location)
        return path + (path.contains("?") ? "&" : "?") + field
    }

    /// Begins an upload and returns its location.
    func startUpload(_ query: String = "") throws -> String {
        let answer = try client.request("POST", path("blobs/uploads/" + query), body: [])
        #expect(answer.status == 202)
        return try #require(answer["Location"])
    }

    /// Pushes a blob with POST and PUT.
    @discardableResult
    func push(blob: [UInt8], algorithm: ContentDigest.Algorithm = .sha256) throws -> ContentDigest {
        let digest = ContentDigest.hash(blob, algorithm: algorithm)
        let location = try startUpload(algorithm == .sha512 ? "?digest-algorithm=sha512" : "")
        let answer = try client.request(
            "PUT", Peer.location(location, adding: "digest=\(digest)"),
            headers: [("Content-Type", "application/octet-stream")], body: blob)
        #expect(answer.status == 201, "\(answer.text)")
        #expect(answer["Location"] != nil)
        return digest
    }

    /// An image of random blobs, which are pushed.
    func image(
        layers: Int = 2, artifactType: MediaType? = nil, subject: Descriptor? = nil,
        annotations: [String: String] = [:], algorithm: ContentDigest.Algorithm = .sha256
    ) throws -> ImageManifest {
        func blob(_ bytes: [UInt8], _ type: MediaType) throws -> Descriptor {
            Descriptor(mediaType: type, digest: try push(blob: bytes, algorithm: algorithm), byteCount: bytes.count)
        }
        let configuration = Array("{\"nonce\":\"\(UUID().uuidString)\"}".utf8)
        return ImageManifest(
            artifactType: artifactType, configuration: try blob(configuration, .imageConfiguration),
            layers: try (0..<layers).map { _ in try blob(Peer.bytes(300), .octets) }, subject: subject,
            annotations: annotations)
    }

    /// Pushes a manifest and returns the answer.
    func push(_ bytes: [UInt8], as reference: String, type: MediaType = .manifest) throws -> HTTPClient.Answer {
        try client.request(
            "PUT", path("manifests/\(reference)"), headers: [("Content-Type", type.description)], body: bytes)
    }

    func get(_ rest: String, headers: [(String, String)] = []) throws -> HTTPClient.Answer {
        try client.request("GET", path(rest), headers: headers)
    }

    func head(_ rest: String) throws -> HTTPClient.Answer { try client.request("HEAD", path(rest)) }

    func delete(_ rest: String) throws -> HTTPClient.Answer { try client.request("DELETE", path(rest)) }
}
