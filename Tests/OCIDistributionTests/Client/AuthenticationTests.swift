import AdapterRegistry
import AdapterTesting
import ByteCoding
import FileSystem
import Glibc
import OCIDistribution
import Testing

/// A registry with a token server: `/token` gives tokens for the scopes that were asked for.
private func bearerRegistry(
    realm: String? = nil, expiresIn: Int = 300, accepts: @escaping @Sendable (PeerRequest) -> Bool = { _ in true },
    port: Counter
) -> ScriptedPeer.Script {
    let counter = Counter()
    return { request in
        if request.path == "/token" {
            guard accepts(request) else { return PeerAnswer(401) }
            let scopes = request.target + String(decoding: request.body, as: UTF8.self)
            let token = "token-\(counter.next())-" + (scopes.contains("push") ? "push" : "pull")
            return PeerAnswer(
                200, [], Array(#"{"access_token":"\#(token)","expires_in":\#(expiresIn),"refresh_token":"again"}"#.utf8)
            )
        }
        let needed = ["GET", "HEAD"].contains(request.method) ? "token-" : "push"
        let authorization = request.headers["authorization"] ?? ""
        guard authorization.hasPrefix("Bearer token-"), authorization.contains(needed) else {
            let place = realm ?? "http://127.0.0.1:\(port.value)/token"
            return PeerAnswer(401, [("WWW-Authenticate", #"Bearer realm="\#(place)",service="s,1",scope="x:y:z""#)])
        }
        return PeerAnswer(200, [], Array(#"{"name":"a","tags":["v1"]}"#.utf8))
    }
}

struct AuthenticationTests {
    @Test func `a token is fetched with the credential, kept, and sent to the registry only`() throws {
        let port = Counter()
        let setting = try Setting(
            credential: .password(user: "alice", password: "pä:ss"),
            bearerRegistry(accepts: { $0.headers["authorization"] == "Basic YWxpY2U6cMOkOnNz" }, port: port))
        port.add(setting.peer.port)
        for _ in 0..<3 { #expect(try setting.client.tags(setting.repository).count == 1) }
        let tokens = setting.peer.requests.filter { $0.path == "/token" }
        #expect(tokens.count == 1)
        #expect(tokens[0].target.contains("service=s%2C1"))
        #expect(tokens[0].target.contains("scope=repository%3Ateam%2Fadapter%3Apull"))
        #expect(tokens[0].target.contains("scope=x%3Ay%3Az"))
        // 401 once, then every request has its token at once.
        #expect(setting.peer.requests.count == 5)
    }

    @Test func `a refresh token is exchanged with a form`() throws {
        let port = Counter()
        let setting = try Setting(
            credential: .refreshToken("secret&token"),
            bearerRegistry(
                accepts: { request in
                    let form = String(decoding: request.body, as: UTF8.self)
                    return request.method == "POST" && request.headers["authorization"] == nil
                        && form.contains("grant_type=refresh_token") && form.contains("refresh_token=secret%26token")
                }, port: port))
        port.add(setting.peer.port)
        #expect(try setting.client.tags(setting.repository).count == 1)
    }

    @Test func `a token is fetched again when the registry no longer takes it`() throws {
        let port = Counter()
        let revoked = Counter()
        let inner = bearerRegistry(port: port)
        let setting = try Setting { request in
            // The first token stops being good after its first use.
            if request.headers["authorization"]?.hasPrefix("Bearer token-0") == true, revoked.next() > 0 {
                return PeerAnswer(
                    401,
                    [("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:\(port.value)/token\"")])
            }
            return inner(request)
        }
        port.add(setting.peer.port)
        for _ in 0..<2 { #expect(try setting.client.tags(setting.repository).count == 1) }
        #expect(setting.peer.requests.filter { $0.path == "/token" }.count == 2)
    }

    @Test func `a registry that never accepts is asked twice`() throws {
        for scheme in ["Basic realm=\"x\"", "Bearer realm=\"http://127.0.0.1:PORT/token\"", "Unknown", ""] {
            let port = Counter()
            let setting = try Setting(credential: .password(user: "a", password: "b")) { request in
                if request.path == "/token" { return PeerAnswer(200, [], Array(#"{"token":"t"}"#.utf8)) }
                return PeerAnswer(
                    401, [("WWW-Authenticate", scheme.replacing("PORT", with: "\(port.value)"))])
            }
            port.add(setting.peer.port)
            let error = ociError { _ = try setting.client.tags(setting.repository) }
            #expect(error?.code == .unauthorized)
            #expect(error?.message.contains("login") == true)
            #expect(setting.peer.requests.filter { $0.path != "/token" }.count <= 2)
        }
    }

    @Test func `Basic is sent when it is asked for`() throws {
        let setting = try Setting(credential: .password(user: "alice", password: "secret")) { request in
            request.headers["authorization"] == "Basic YWxpY2U6c2VjcmV0"
                ? PeerAnswer(200, [], Array(#"{"name":"a","tags":[]}"#.utf8))
                : PeerAnswer(401, [("WWW-Authenticate", "Negotiate, Basic realm=\"r, \\\"x\\\"\", charset=\"UTF-8\"")])
        }
        #expect(try setting.client.ping())
        #expect(try setting.client.tags(setting.repository).isEmpty)
        #expect(setting.peer.requests.filter { $0.headers["authorization"] == nil }.count == 1)
    }

    @Test(arguments: [
        "", "nonsense", "{}", "[]", #"{"token":1}"#, #"{"token":""}"#, #"{"token":"a\r\nX-Injected: 1"}"#,
        #"{"token":"a b"}"#, #"{"token":"é"}"#,
    ])
    func `a token server that answers nonsense is an error`(_ answer: String) throws {
        let port = Counter()
        let setting = try Setting { request in
            request.path == "/token"
                ? PeerAnswer(200, [], Array(answer.utf8))
                : PeerAnswer(
                    401, [("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:\(port.value)/token\"")])
        }
        port.add(setting.peer.port)
        #expect(ociError { _ = try setting.client.tags(setting.repository) }?.code == .protocolViolation)
        #expect(setting.peer.requests.allSatisfy { $0.headers["x-injected"] == nil })
    }

    @Test func `credentials do not follow a redirect to another server`() throws {
        let bytes = sampleBytes(1000)
        let store = try ScriptedPeer { _ in PeerAnswer(200, [], bytes) }
        let setting = try Setting(credential: .password(user: "a", password: "b")) { request in
            request.headers["authorization"] == nil
                ? PeerAnswer(401, [("WWW-Authenticate", "Basic realm=\"x\"")])
                : PeerAnswer(307, [("Location", "http://\(store.host)/elsewhere?signed=1")])
        }
        let descriptor = Descriptor(of: bytes, mediaType: .octets)
        #expect(try setting.client.blob(descriptor, in: setting.repository) == bytes)
        #expect(store.requests.count == 1)
        #expect(store.requests[0].headers["authorization"] == nil)
    }

    @Test func `a token goes where the registry is, and nowhere that it points to`() throws {
        let bytes = sampleBytes(1000)
        let descriptor = Descriptor(of: bytes, mediaType: .octets)
        let home = HomeAddress()
        let store = try ScriptedPeer { request in
            switch request.path {
            case "/back": PeerAnswer(307, [("Location", "http://\(home.text)/v2/kept/elsewhere")])
            // Asks for a token of its own, from the server that has the user's credential.
            case "/asks": PeerAnswer(401, [("WWW-Authenticate", "Bearer realm=\"http://\(home.text)/token\"")])
            default: PeerAnswer(200, [], bytes)
            }
        }
        for (place, code) in [("/signed?x=1", nil), ("/back", nil), ("/asks", OCIError.Code.unauthorized)] {
            let port = Counter()
            let registry = bearerRegistry(port: port)
            let setting = try Setting(credential: .password(user: "a", password: "b")) { request in
                let answer = registry(request)
                guard request.path != "/token", answer.status == 200 else { return answer }
                if request.path == "/v2/kept/elsewhere" { return PeerAnswer(200, [], bytes) }
                // First to another place of its own, then away.
                return request.path.hasPrefix("/v2/moved")
                    ? PeerAnswer(302, [("Location", "http://\(store.host)\(place)")])
                    : PeerAnswer(307, [("Location", "/v2/moved")])
            }
            port.add(setting.peer.port)
            home.text = setting.peer.host
            var fetched: [UInt8]?
            let error = ociError { fetched = try setting.client.blob(descriptor, in: setting.repository) }
            #expect(fetched == (code == nil ? bytes : nil))
            #expect(error?.code == code, "\(place)")
            let requests = setting.peer.requests
            #expect(requests.filter { $0.path == "/token" }.count == 1)
            // All but the first and the token server's know the token, whatever came between.
            #expect(requests.filter { $0.headers["authorization"]?.hasPrefix("Bearer") != true }.count == 2)
        }
        #expect(store.requests.count == 3)
        #expect(store.requests.allSatisfy { $0.headers["authorization"] == nil })
    }

    @Test func `a token server that points elsewhere gets no credential sent there`() throws {
        let other = try ScriptedPeer { _ in PeerAnswer(200, [], Array(#"{"token":"t"}"#.utf8)) }
        let port = Counter()
        let setting = try Setting(credential: .password(user: "a", password: "b")) { request in
            request.path == "/token"
                ? PeerAnswer(307, [("Location", "http://\(other.host)/token")])
                : PeerAnswer(401, [("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:\(port.value)/token\"")])
        }
        port.add(setting.peer.port)
        #expect(ociError { _ = try setting.client.tags(setting.repository) }?.code == .protocolViolation)
        #expect(other.requests.isEmpty)
    }

    @Test func `redirects end`() throws {
        let setting = try Setting { _ in PeerAnswer(302, [("Location", "/v2/again")]) }
        #expect(ociError { _ = try setting.client.tags(setting.repository) }?.code == .protocolViolation)
        #expect(setting.peer.requests.count <= 11)
        for location in ["file:///etc/passwd", "gopher://x", "http://u:p@h/", ""] {
            let odd = try Setting { _ in PeerAnswer(302, [("Location", location)]) }
            #expect(ociError { _ = try odd.client.tags(odd.repository) }?.code == .protocolViolation, "\(location)")
        }
    }

    @Test func `pauses grow, and the registry's own wishes are followed`() throws {
        let counter = Counter()
        let setting = try Setting { _ in
            switch counter.next() {
            case 0: PeerAnswer(503)
            case 1: PeerAnswer(429, [("Retry-After", "7")])
            case 2: PeerAnswer(500)
            default: PeerAnswer(200, [], Array(#"{"name":"a","tags":["v1"]}"#.utf8))
            }
        }
        #expect(try setting.client.tags(setting.repository).count == 1)
        let pauses = setting.pauses.all
        #expect(pauses.count == 3)
        #expect((.milliseconds(250)...Duration.milliseconds(500)).contains(pauses[0]))
        #expect(pauses[1] == .seconds(7))
        #expect((.seconds(1)...Duration.seconds(2)).contains(pauses[2]))
    }

    @Test func `a pause may be a date, and one that is none is left out`() throws {
        let counter = Counter()
        let setting = try Setting { _ in
            switch counter.next() {
            case 0: PeerAnswer(429, [("Retry-After", Self.date(in: 30))])
            case 1: PeerAnswer(503, [("Retry-After", Self.date(in: -3600))])
            case 2: PeerAnswer(429, [("Retry-After", "Thu, 99 Nev 2026 25:00:00 GMT")])
            default: PeerAnswer(200, [], Array(#"{"name":"a","tags":["v1"]}"#.utf8))
            }
        }
        #expect(try setting.client.tags(setting.repository).count == 1)
        let pauses = setting.pauses.all
        #expect(pauses.count == 3)
        #expect((.seconds(20)...Duration.seconds(30)).contains(pauses[0]))
        #expect(pauses[1] == .zero)
        #expect((.seconds(1)...Duration.seconds(2)).contains(pauses[2]))
        let late = try Setting { _ in PeerAnswer(429, [("Retry-After", Self.date(in: 86_400))]) }
        #expect(ociError { _ = try late.client.tags(late.repository) }?.code == .tooManyRequests)
        #expect(late.pauses.all.isEmpty)
    }

    /// A date in HTTP's form.
    private static func date(in seconds: Int) -> String {
        var moment = time(nil) + seconds
        var parts = tm()
        gmtime_r(&moment, &parts)
        var text = [CChar](repeating: 0, count: 40)
        strftime(&text, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @Test func `a registry that wants too long a pause is an error at once`() throws {
        let setting = try Setting { _ in PeerAnswer(429, [("Retry-After", "86400")]) }
        #expect(ociError { _ = try setting.client.tags(setting.repository) }?.code == .tooManyRequests)
        #expect(setting.pauses.all.isEmpty)
    }

    @Test func `a host that never answers is not tried again`() throws {
        let setting = try Setting { _ in .raw([]) }
        #expect(ociError { _ = try setting.client.tags(setting.repository) }?.code == .network)
        #expect(setting.pauses.all.isEmpty)
    }
}
