import AdapterRegistry
import AdapterTesting
import OCIDistribution
import Synchronization
import Testing

struct ManifestTests {
    static let manifest = ImageManifest(
        configuration: Descriptor(of: Array("{}".utf8), mediaType: .empty), layers: [])

    @Test func `a manifest has the digest that was asked for`() throws {
        let bytes = Self.manifest.bytes
        let digest = ContentDigest.hash(bytes)
        let setting = try Setting { _ in PeerAnswer(200, [("Content-Type", "\(MediaType.manifest)")], bytes) }
        #expect(try setting.client.manifest(setting.repository, digest.description).digest == digest)
        let other = ContentDigest.hash([1]).description
        #expect(ociError { _ = try setting.client.manifest(setting.repository, other) }?.code == .digestMismatch)
        let long = ContentDigest.hash(bytes, algorithm: .sha512)
        #expect(try setting.client.manifest(setting.repository, long.description).digest == long)
    }

    @Test func `a manifest has the digest that the registry states`() throws {
        let bytes = Self.manifest.bytes
        let setting = try Setting { _ in
            PeerAnswer(200, [("Docker-Content-Digest", ContentDigest.hash([1]).description)], bytes)
        }
        #expect(ociError { _ = try setting.client.manifest(setting.repository, "v1") }?.code == .digestMismatch)
        let odd = try Setting { _ in PeerAnswer(200, [("Docker-Content-Digest", "sha256:../../x")], bytes) }
        #expect(ociError { _ = try odd.client.manifest(odd.repository, "v1") }?.code == .invalidReference)
    }

    @Test func `a huge manifest is not read to its end`() throws {
        let setting = try Setting { _ in
            PeerAnswer(200, [("Content-Length", "100000000")], [UInt8](repeating: 0x20, count: 8 << 20))
        }
        #expect(ociError { _ = try setting.client.manifest(setting.repository, "v1") }?.code == .tooLarge)
    }

    @Test(arguments: [
        (404, OCIError.Code.notFound), (403, .denied), (400, .rejected), (405, .unsupported), (418, .rejected),
    ])
    func `what the registry says against it is passed on, cleaned`(_ status: Int, code: OCIError.Code) throws {
        let said = ErrorDocument([.init(.manifestUnknown, "no \u{1B}[31mred\u{7} manifest")]).bytes
        let setting = try Setting { _ in PeerAnswer(status, [], said) }
        let error = ociError { _ = try setting.client.manifest(setting.repository, "v1") }
        #expect(error?.code == code)
        #expect(error?.message.contains("MANIFEST_UNKNOWN") == true)
        #expect(error?.message.unicodeScalars.contains { $0.value < 0x20 } == false)
    }

    @Test func `an error's endless text is cut off`() throws {
        let setting = try Setting { _ in PeerAnswer(404, [], [UInt8](repeating: 0x41, count: 4 << 20)) }
        #expect(ociError { _ = try setting.client.manifest(setting.repository, "v1") }?.code == .notFound)
    }

    @Test func `pages of tags follow each other`() throws {
        let setting = try Setting { request in
            let last = request.target.split(separator: "last=").last.flatMap { Int($0) } ?? 0
            let tags = (last..<last + 3).map { "\"v\($0)\"" }.joined(separator: ",")
            let link = last < 9 ? [("Link", "</v2/team/adapter/tags/list?n=3&last=\(last + 3)>; rel=\"next\"")] : []
            return PeerAnswer(200, link, Array(#"{"name":"a","tags":[\#(tags)]}"#.utf8))
        }
        #expect(try setting.client.tags(setting.repository).map(\.description) == (0..<12).map { "v\($0)" })
    }

    @Test func `many tags come in many pages`() throws {
        let count = 2500
        let setting = try Setting { request in
            let last = request.target.split(separator: "last=").last.flatMap { Int($0) } ?? 0
            let end = min(last + 1000, count)
            let tags = (last..<end).map { "\"v\($0)\"" }.joined(separator: ",")
            let link = end < count ? [("Link", "</v2/team/adapter/tags/list?last=\(end)>; rel=\"next\"")] : []
            return PeerAnswer(200, link, Array(#"{"name":"a","tags":[\#(tags)]}"#.utf8))
        }
        let told = Counter()
        let tags = try setting.client.tags(setting.repository) { told.add($0) }
        #expect(tags.map(\.description) == (0..<count).map { "v\($0)" })
        #expect(told.value == count)
        #expect(setting.peer.requests.count == 3)
    }

    @Test func `lists have an end`() throws {
        // A page that is too long, more tags than anybody has, and pages that bring nothing and never end.
        let long = try Setting { _ in PeerAnswer(200, [], [UInt8](repeating: 0x20, count: 9 << 20)) }
        #expect(ociError { _ = try long.client.tags(long.repository) }?.code == .tooLarge)
        let tags = (0..<300_000).map { "\"\($0)\"" }.joined(separator: ",")
        for page in [#"{"name":"a","tags":[\#(tags)]}"#, #"{"name":"a","tags":[]}"#] {
            let counter = Counter()
            let endless = try Setting { _ in
                PeerAnswer(
                    200, [("Link", "</v2/team/adapter/tags/list?last=\(counter.next())>; rel=\"next\"")],
                    Array(page.utf8))
            }
            #expect(ociError { _ = try endless.client.tags(endless.repository) }?.code == .tooLarge)
            #expect(counter.value <= 10_000)
        }
    }

    @Test func `pages that lead in circles or away are an error`() throws {
        for target in ["/v2/team/adapter/tags/list", "http://127.0.0.1:1/v2/x", "file:///etc/passwd", "//other/x"] {
            let setting = try Setting { _ in
                PeerAnswer(200, [("Link", "<\(target)>; rel=next")], Array(#"{"name":"a","tags":["v1"]}"#.utf8))
            }
            #expect(
                ociError { _ = try setting.client.tags(setting.repository) }?.code == .protocolViolation, "\(target)")
        }
    }

    @Test func `referrers come from the registry's list`() throws {
        let subject = ContentDigest.hash([1])
        let entries = [
            Descriptor(of: [2], mediaType: .manifest, artifactType: .inToto),
            Descriptor(of: [3], mediaType: .manifest, artifactType: .cycloneDX),
        ]
        let setting = try Setting { _ in PeerAnswer(200, [], ImageIndex(manifests: entries).bytes) }
        #expect(try setting.client.referrers(of: subject, in: setting.repository) == entries)
        // A registry may leave the filter out.
        let filtered = try setting.client.referrers(
            of: subject, in: setting.repository, artifactType: .cycloneDX)
        #expect(filtered == [entries[1]])
    }

    @Test func `registries without that list have a tag for it`() throws {
        let stored = Mutex<[String: [UInt8]]>([:])
        let setting = try Setting { request in
            let name = request.path.split(separator: "/").last.map(String.init) ?? ""
            guard request.path.contains("/manifests/") else { return PeerAnswer(404) }
            if request.method == "PUT" {
                stored.withLock { $0[name] = request.body }
                return PeerAnswer(201)
            }
            return stored.withLock { $0[name] }.map { PeerAnswer(200, [], $0) } ?? PeerAnswer(404)
        }
        let subject = Descriptor(of: [1], mediaType: .manifest)
        for type in [MediaType.inToto, .cycloneDX, .inToto] {
            try setting.client.putReferrer(
                ImageManifest(
                    artifactType: type, configuration: Descriptor(of: Array("{}".utf8), mediaType: .empty), layers: [],
                    subject: subject), in: setting.repository)
        }
        let found = try setting.client.referrers(of: subject.digest, in: setting.repository)
        #expect(found.map(\.artifactType) == [.inToto, .cycloneDX])
        #expect(stored.withLock { $0.keys.contains("sha256-\(subject.digest.hexadecimal)") })
    }

    @Test func `a failing list of referrers is no empty one`() throws {
        let setting = try Setting { _ in PeerAnswer(403) }
        #expect(
            ociError { _ = try setting.client.referrers(of: .hash([1]), in: setting.repository) }?.code == .denied)
    }
}
