import AdapterRegistry
import AdapterTesting
import FileSystem
import OCIDistribution
import Synchronization
import Testing

/// The part of a registry that takes uploads, with faults to order.
final class UploadingPeer: Sendable {
    struct State {
        var bytes: [UInt8] = []
        var isStored = false
        var sessionCount = 0
        var isForgetful = false
    }

    let state = Mutex(State())
    /// Called with each chunk; an answer stands for what goes wrong, with how many bytes of the chunk are kept.
    let fault: @Sendable (_ index: Int, _ chunk: [UInt8]) -> (kept: Int, answer: PeerAnswer)?
    private let counter = Counter()

    init(fault: @escaping @Sendable (Int, [UInt8]) -> (kept: Int, answer: PeerAnswer)? = { _, _ in nil }) {
        self.fault = fault
    }

    func answer(_ request: PeerRequest) -> PeerAnswer {
        let base = "/v2/\(Setting.name)/blobs/uploads"
        return state.withLock { state in
            func location() -> [(String, String)] {
                var headers = [("Location", "\(base)/session-\(state.sessionCount)?state=\(state.bytes.count)")]
                if !state.bytes.isEmpty { headers.append(("Range", "0-\(state.bytes.count - 1)")) }
                return headers
            }
            switch request.method {
            case "POST":
                state.sessionCount += 1
                state.bytes = []
                return PeerAnswer(202, location())
            case "GET":
                guard request.path.hasSuffix("session-\(state.sessionCount)"), !state.isForgetful else {
                    return PeerAnswer(404)
                }
                return PeerAnswer(204, location())
            case "PATCH":
                let range = request.headers["content-range"].flatMap { UploadRange.parse($0) }
                guard range?.lowerBound == state.bytes.count, range?.count == request.body.count else {
                    return PeerAnswer(416, location())
                }
                if let (kept, answer) = fault(counter.next(), request.body) {
                    state.bytes += request.body.prefix(kept)
                    return answer
                }
                state.bytes += request.body
                return PeerAnswer(202, location())
            case "PUT":
                state.bytes += request.body
                let text = request.target.split(separator: "digest=").last.map(String.init) ?? ""
                guard text.replacing("%3A", with: ":") == ContentDigest.hash(state.bytes).description else {
                    return PeerAnswer(
                        400, [], ErrorDocument([.init(.digestInvalid, "provided digest did not match")]).bytes)
                }
                state.isStored = true
                return PeerAnswer(201)
            default: return PeerAnswer(405)
            }
        }
    }
}

struct UploadTests {
    static let size = 5 << 20
    static let bytes = sampleBytes(size)

    @Test(arguments: [0, 1, 100_000, size])
    func `a blob is sent with one request, or in a stream`(_ count: Int) throws {
        let peer = UploadingPeer()
        let setting = try Setting { peer.answer($0) }
        let bytes = Array(Self.bytes[..<count])
        try setting.client.uploadBlob(.bytes(bytes), .hash(bytes), to: setting.repository)
        #expect(peer.state.withLock { $0.isStored && $0.bytes == bytes })
        let methods = setting.peer.requests.map(\.method)
        #expect(methods == (count == Self.size ? ["POST", "PATCH", "PUT"] : ["POST", "PUT"]))
    }

    @Test func `chunks follow each other`() throws {
        let peer = UploadingPeer()
        let setting = try Setting {
            $0.chunkByteCount = 1 << 20
        } _: {
            peer.answer($0)
        }
        try setting.client.uploadBlob(.bytes(Self.bytes), .hash(Self.bytes), to: setting.repository)
        #expect(setting.peer.requests.filter { $0.method == "PATCH" }.count == 5)
        #expect(peer.state.withLock { $0.isStored })
    }

    @Test func `after a break only the rest is sent`() throws {
        let peer = UploadingPeer { index, _ in
            index == 0 ? (kept: 2 << 20, answer: .raw([])) : index == 1 ? (kept: 1 << 20, answer: PeerAnswer(502)) : nil
        }
        let setting = try Setting { peer.answer($0) }
        let sent = Counter()
        try setting.client.uploadBlob(
            .bytes(Self.bytes), .hash(Self.bytes), to: setting.repository, progress: { sent.add($0) })
        #expect(peer.state.withLock { $0.isStored && $0.sessionCount == 1 })
        let lengths = setting.peer.requests.filter { $0.method == "PATCH" }.map(\.body.count)
        #expect(lengths == [Self.size, 3 << 20, 2 << 20])
        // Progress counts what the registry has, not what was tried.
        #expect(sent.value == Self.size)
    }

    @Test func `a registry that still holds the broken connection is asked again`() throws {
        let peer = UploadingPeer { index, _ in index == 0 ? (kept: 2 << 20, answer: .raw([])) : nil }
        let asked = Counter()
        let setting = try Setting { request in
            if request.method == "GET", asked.next() < 2 { return PeerAnswer(409) }
            return peer.answer(request)
        }
        try setting.client.uploadBlob(.bytes(Self.bytes), .hash(Self.bytes), to: setting.repository)
        #expect(peer.state.withLock { $0.isStored && $0.sessionCount == 1 })
        let lengths = setting.peer.requests.filter { $0.method == "PATCH" }.map(\.body.count)
        #expect(lengths == [Self.size, Self.size - (2 << 20)])
    }

    @Test func `an upload that the registry has forgotten begins again`() throws {
        let peer = UploadingPeer { index, _ in index == 0 ? (kept: 1000, answer: .raw([])) : nil }
        let setting = try Setting { request in
            if request.method == "GET" { peer.state.withLock { $0.isForgetful = true } }
            return peer.answer(request)
        }
        try setting.client.uploadBlob(.bytes(Self.bytes), .hash(Self.bytes), to: setting.repository)
        #expect(peer.state.withLock { $0.isStored && $0.sessionCount == 2 })
    }

    @Test func `another process goes on where one was killed`() throws {
        try withTemporaryDirectory { folder in
            let peer = UploadingPeer { index, _ in index == 0 ? (kept: 3 << 20, answer: .raw([])) : nil }
            let first = try Setting {
                $0.retry.attemptCount = 1
            } _: {
                peer.answer($0)
            }
            let digest = ContentDigest.hash(Self.bytes)
            let note = UploadNote(in: folder, host: first.client.host, repository: Setting.name, digest: digest)
            #expect(throws: OCIError.self) {
                try first.client.uploadBlob(.bytes(Self.bytes), digest, to: first.repository, note: note)
            }
            #expect(Directory.kind(of: note.path) == .file)
            // The same registry at the same address, a new client.
            let again = try RegistryClient(RegistryHost(parsing: first.peer.host), credentials: nil)
            let sent = try again.uploadBlob(.bytes(Self.bytes), digest, to: first.repository, note: note)
            #expect(sent.resumedByteCount == 3 << 20)
            #expect(sent.sentByteCount == Self.size - (3 << 20))
            #expect(peer.state.withLock { $0.isStored && $0.sessionCount == 1 })
            #expect(first.peer.requests.filter { $0.method == "PATCH" }.map(\.body.count) == [Self.size, 2 << 20])
            #expect(Directory.kind(of: note.path) == nil)
        }
    }

    @Test(arguments: [2, size])
    func `a registry that got something else is an error`(_ count: Int) throws {
        let peer = UploadingPeer()
        let setting = try Setting { request in
            var changed = request
            if changed.method != "GET", !changed.body.isEmpty { changed.body[0] ^= 1 }
            return peer.answer(changed)
        }
        let bytes = Array(Self.bytes[..<count])
        let error = ociError { try setting.client.uploadBlob(.bytes(bytes), .hash(bytes), to: setting.repository) }
        #expect(error?.code == .digestMismatch)
        #expect(peer.state.withLock { !$0.isStored })
        #expect(setting.peer.lines.last?.hasPrefix("PUT") == true)
    }

    @Test func `content that has another digest is never stored`() throws {
        try withTemporaryDirectory { folder in
            let setting = try Setting { request in
                // One that would store anything.
                switch request.method {
                case "POST", "PATCH": PeerAnswer(202, [("Location", "/v2/upload")])
                case "PUT": PeerAnswer(201)
                default: PeerAnswer(204)
                }
            }
            let (host, name) = (setting.client.host, Setting.name)
            for (count, lines) in [(1000, []), (Self.size, ["POST", "PATCH", "DELETE"])] {
                let path = "\(folder)/content-\(count)"
                let output = try OutputFile(beside: path)
                try output.write(Array(Self.bytes[..<count]))
                try output.commit(as: path)
                let note = UploadNote(in: folder, host: host, repository: name, digest: .hash([1]))
                let before = setting.peer.requests.count
                let error = ociError {
                    try setting.client.uploadBlob(
                        .file(InputFile(opening: path)), .hash([1]), to: setting.repository, note: note)
                }
                #expect(error?.code == .digestMismatch)
                #expect(error?.message.contains(path) == true)
                #expect(setting.peer.requests[before...].map(\.method) == lines)
                #expect(Directory.kind(of: note.path) == nil)
            }
        }
    }

    @Test func `what another process has sent counts, too`() throws {
        try withTemporaryDirectory { folder in
            let peer = UploadingPeer { index, _ in index == 0 ? (kept: 3 << 20, answer: .raw([])) : nil }
            let first = try Setting {
                $0.retry.attemptCount = 1
            } _: {
                peer.answer($0)
            }
            let digest = ContentDigest.hash(Self.bytes)
            let note = UploadNote(in: folder, host: first.client.host, repository: Setting.name, digest: digest)
            #expect(throws: OCIError.self) {
                try first.client.uploadBlob(.bytes(Self.bytes), digest, to: first.repository, note: note)
            }
            // The beginning, which is not sent again, has changed meanwhile.
            var changed = Self.bytes
            changed[0] ^= 1
            let again = try RegistryClient(RegistryHost(parsing: first.peer.host), credentials: nil)
            let error = ociError {
                try again.uploadBlob(.bytes(changed), digest, to: first.repository, note: note)
            }
            #expect(error?.code == .digestMismatch)
            #expect(!first.peer.requests.contains { $0.method == "PUT" })
        }
    }

    @Test func `credentials do not follow an upload to another server`() throws {
        for scheme in ["Basic realm=\"x\"", "Bearer realm=\"http://HOST/token\""] {
            let store = UploadingPeer()
            let elsewhere = try ScriptedPeer { store.answer($0) }
            let home = HomeAddress()
            let setting = try Setting(credential: .password(user: "a", password: "b")) { request in
                if request.path == "/token" { return PeerAnswer(200, [], Array(#"{"token":"t"}"#.utf8)) }
                guard request.headers["authorization"] != nil else {
                    return PeerAnswer(401, [("WWW-Authenticate", scheme.replacing("HOST", with: home.text))])
                }
                _ = store.answer(request)
                let place = "http://\(elsewhere.host)/v2/\(Setting.name)/blobs/uploads/session-1"
                return PeerAnswer(202, [("Location", place)])
            }
            home.text = setting.peer.host
            // In the end its answers lead back to itself, relatively: the other server still.
            try setting.client.uploadBlob(.bytes(Self.bytes), .hash(Self.bytes), to: setting.repository)
            #expect(store.state.withLock { $0.isStored })
            #expect(elsewhere.requests.map(\.method) == ["PATCH", "PUT"])
            #expect(elsewhere.requests.allSatisfy { $0.headers["authorization"] == nil })
            #expect(setting.peer.requests.contains { $0.method == "POST" && $0.headers["authorization"] != nil })
        }
    }

    @Test func `a registry that loses count is not asked for ever`() throws {
        let setting = try Setting { request in
            switch request.method {
            case "POST": PeerAnswer(202, [("Location", "/v2/x")])
            case "PATCH": PeerAnswer(202, [("Location", "/v2/x"), ("Range", "0-5")])
            default: PeerAnswer(204, [("Location", "/v2/x"), ("Range", "0-999999999")])
            }
        }
        #expect(
            ociError { try setting.client.uploadBlob(.bytes(Self.bytes), .hash(Self.bytes), to: setting.repository) }
                != nil)
        #expect(setting.peer.requests.count < 2000)
    }

    @Test func `an upload without a place to go on is an error`() throws {
        for location in [nil, "ftp://h/x", "http://u:p@h/x", "http://", "/\u{1}"] {
            let setting = try Setting { _ in PeerAnswer(202, location.map { [("Location", $0)] } ?? []) }
            let error = ociError { try setting.client.uploadBlob(.bytes([1]), .hash([1]), to: setting.repository) }
            #expect([.protocolViolation, .network].contains(error?.code), "\(location ?? "none")")
        }
    }

    @Test func `a blob is taken over from another repository`() throws {
        let setting = try Setting { request in
            request.target.contains("mount=sha256%3A") && request.target.contains("from=other%2Fname")
                ? PeerAnswer(201) : PeerAnswer(202, [("Location", "/v2/x")])
        }
        let other = try RepositoryName(parsing: "other/name")
        #expect(try setting.client.mountBlob(.hash([1]), from: other, to: setting.repository))
        let third = try RepositoryName(parsing: "third")
        #expect(try !setting.client.mountBlob(.hash([1]), from: third, to: setting.repository))
        // The upload that was opened instead is given back.
        #expect(setting.peer.requests.last?.method == "DELETE")
    }
}
