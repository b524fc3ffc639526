import AdapterInterchange
import AdapterRegistry
import AdapterServer
import Adapters
import Foundation
import Integrity
import Testing

/// The pages for browsers; `Scripts/test-page` looks at them with one.
@Suite struct PageTests {
    private static let attack = "</p><script>alert('x')</script>\" onload=\"alert(1)"

    @discardableResult
    private func push(
        _ folder: String, _ name: String, fixture: String = "llama-task-a", message: String? = nil,
        parents: [StoredAdapter] = []
    ) throws -> StoredAdapter {
        var adapter = try PEFT.read(folder: Fixtures.peft(fixture))
        adapter.notes.message = message
        adapter.notes.labels = message.map { ["note": $0] } ?? [:]
        let registry = try Registry(opening: folder)
        let reference = try Reference(parsing: name)
        guard !parents.isEmpty else { return try registry.push(adapter, as: reference) }
        return try registry.push(
            adapter, as: reference,
            provenance: {
                Provenance(
                    operation: "merge", toolVersion: "1",
                    parents: parents.map {
                        Provenance.Parent(digest: $0.digest, contentRoot: $0.contentRoot, weight: 0.5)
                    }, options: [:])
            })
    }

    /// A server that strangers know nothing of, with alice, who reads below `team`, and bob, who reads `team/open` alone.
    private func run(
        anonymous: String? = nil, _ body: (_ client: HTTPClient, _ folder: String) async throws -> Void
    ) async throws {
        let users = NSTemporaryDirectory() + "users-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: users) }
        var file = UserFile()
        for (name, rule) in [("alice", "read:team"), ("bob", "read:team/open")] {
            let rule = try #require(AccessRule(parsing: rule))
            file.users[name] = .init(
                name: name, password: PasswordHash(of: "secret", iterationCount: 10), rules: [rule])
        }
        try file.write(to: users)
        try await TestServer.run {
            $0.usersPath = users
        } _: { port, folder in
            try await body(try HTTPClient(port: port), folder)
        }
    }

    private func basic(_ user: String) -> [(String, String)] {
        [("Authorization", "Basic " + Data("\(user):secret".utf8).base64EncodedString())]
    }

    @Test func `The pages of an adapter link to each other`() async throws {
        try await TestServer.run { port, folder in
            let client = try HTTPClient(port: port)
            #expect(try client.request("GET", "/").text.contains("There are no adapters yet"))
            let first = try push(folder, "team/support:v1", message: "trained on tickets")
            let second = try push(folder, "team/tone:v1", fixture: "llama-task-b")
            try push(folder, "team/both:v1", fixture: "llama-task-c", parents: [first, second])
            let list = try client.request("GET", "/")
            #expect(list.status == 200)
            #expect(list["Content-Type"] == "text/html; charset=utf-8")
            for text in ["/-/adapter/team/support:v1", "trained on tickets", "/-/adapter/team/tone:v1", ">merge<"] {
                #expect(list.text.contains(text), "\(text)")
            }
            let page = try client.request("GET", "/-/adapter/team/support:v1").text
            for text in [
                first.digest.description, first.contentRoot.description, "oci://127.0.0.1:\(port)/team/support@sha256:",
                "HF_ENDPOINT=http://127.0.0.1:\(port)", "revision=&quot;\(first.digest.hexadecimal.prefix(40))&quot;",
                "Singular values", "Nobody has signed it.", "/-/lineage/team/support:v1", "/-/repository/team/support",
            ] { #expect(page.contains(text), "\(text)") }
            // What the page says to pull is there.
            let match = try #require(page.firstMatch(of: /team\/support@(sha256:[0-9a-f]{64})/))
            #expect(try client.request("GET", "/v2/team/support/manifests/\(match.1)").status == 200)
            let lineage = try client.request("GET", "/-/lineage/team/both:v1").text
            #expect(lineage.contains("/-/lineage/team/support:v1") && lineage.contains("× 0.5"))
            let compared = try client.request("GET", "/-/compare?with=team%2Fsupport:v1&with=team%2Ftone:v1").text
            for text in ["Difference of the updates", "Cosine by module", "Sign conflicts", "of the larger update"] {
                #expect(compared.contains(text), "\(text)")
            }
            let same = try client.request("GET", "/-/compare?with=team/tone:v1&with=team/tone@\(second.digest)").text
            #expect(same.contains("Both do the same"))
            let history = try client.request("GET", "/-/repository/team/support").text
            #expect(history.contains("History") && history.contains("/-/adapter/team/support@\(first.digest)"))
            for name in ["norms", "effective-ranks", "singular-values"] {
                let picture = try client.request("GET", "/-/picture/\(name)/team/support@\(first.digest)")
                #expect(picture["Content-Type"] == "image/svg+xml")
                #expect(picture["Cache-Control"] == "private, max-age=86400")
                #expect(picture.text.hasPrefix("<svg") && picture.text.contains("prefers-color-scheme"))
            }
        }
    }

    @Test func `Answers confine the page, and are not sent twice`() async throws {
        try await TestServer.run { port, folder in
            try push(folder, "team/support:v1", message: PageTests.attack)
            let client = try HTTPClient(port: port)
            for path in ["/", "/-/adapter/team/support:v1", "/-/repository/team/support", "/-/lineage/team/support:v1"]
            {
                let answer = try client.request("GET", path)
                #expect(answer.status == 200, "\(path)")
                #expect(answer["Content-Security-Policy"]?.hasPrefix("default-src 'none'; style-src") == true)
                #expect(answer["Content-Security-Policy"]?.contains("script") == false)
                #expect(answer["X-Content-Type-Options"] == "nosniff")
                #expect(answer["Referrer-Policy"] == "same-origin")
                #expect(!answer.text.contains("<script") && !answer.text.contains("\" onload"), "\(path)")
                let tag = try #require(answer["ETag"])
                let again = try client.request("GET", path, headers: [("If-None-Match", "W/\"x\", \(tag)")])
                #expect(again.status == 304 && again.body.isEmpty)
                let head = try client.request("HEAD", path)
                #expect(
                    head.status == 200 && head["Content-Length"] == String(answer.body.count) && head["ETag"] == tag)
            }
            #expect(try client.request("GET", "/").text.contains("&lt;script&gt;"))
            #expect(try client.request("POST", "/", body: []).status == 405)
            // Texts of the reader's come back as texts.
            for path in [
                "/?q=%22%3E%3Cscript%3E", "/-/compare?with=%3Cscript%3E&with=b:v1", "/?sort=%3Cb%3E&after=%3Cb%3E",
            ] {
                #expect(!(try client.request("GET", path).text.contains("<script")), "\(path)")
            }
        }
    }

    @Test func `What is not there has a page that says so`() async throws {
        try await TestServer.run { port, folder in
            try push(folder, "team/support:v1")
            let client = try HTTPClient(port: port)
            for path in [
                "/-/adapter/team/suport:v1", "/-/adapter/team/support", "/-/adapter/", "/-/repository/team/nobody",
                "/-/lineage/team/support:v9", "/-/picture/norms/team/nobody:v1", "/-/picture/cosines",
                "/-/picture/x/a:b",
                "/-/", "/-/else", "/-/adapter/team/support@sha256:\(String(repeating: "0", count: 64))",
                "/-/repository/TEAM", "/-/picture/cosines/team/support:v1",
            ] {
                let answer = try client.request("GET", path)
                #expect([400, 404].contains(answer.status), "\(path)")
                #expect(answer["Content-Type"] == "text/html; charset=utf-8", "\(path)")
            }
            #expect(try client.request("GET", "/-/compare?with=team/support:v1").status == 400)
            let many = Array(repeating: "with=team/support:v1", count: 9).joined(separator: "&")
            #expect(try client.request("GET", "/-/compare?\(many)").status == 400)
            // A repository that is called like a page stays the Hub's.
            #expect(try client.request("GET", "/team/adapter/resolve/main/x")["X-Error-Code"] == "RepoNotFound")
        }
    }

    @Test func `Readers see what they may read and nothing of the rest`() async throws {
        try await run { client, folder in
            let open = try push(folder, "team/open:v1", message: "for all")
            let secret = try push(folder, "team/secret:v1", fixture: "llama-task-b", message: "hush")
            try push(folder, "team/secret:v2", fixture: "llama-task-c", parents: [open, secret])
            try push(folder, "other/foreign:v1", fixture: "llama-task-c", message: "elsewhere")
            // Whose bytes bob may read, under a name that he may, too.
            try Registry(opening: folder).tag(open.reference, as: Reference(parsing: "team/secret-copy:v1"))
            for path in ["/", "/-/adapter/team/open:v1", "/-/adapter/team/nothing:v1", "/-/sign-in"] {
                let answer = try client.request("GET", path)
                #expect(answer.status == 401, "\(path)")
                #expect(answer["WWW-Authenticate"]?.hasPrefix("Basic realm=") == true)
                #expect(!answer.text.contains("for all"))
            }
            let wrong = [("Authorization", "Basic " + Data("bob:wrong".utf8).base64EncodedString())]
            #expect(try client.request("GET", "/", headers: wrong)["WWW-Authenticate"]?.hasPrefix("Basic") == true)
            let list = try client.request("GET", "/", headers: basic("alice")).text
            #expect(list.contains("team/open:v1") && list.contains("team/secret:v2") && list.contains("alice"))
            #expect(!list.contains("foreign") && !list.contains("elsewhere"))
            for path in [
                "/", "/?sort=name", "/?q=tea*", "/-/adapter/team/open:v1", "/-/lineage/team/open:v1",
                "/-/repository/team/open",
            ] {
                let text = try client.request("GET", path, headers: basic("bob")).text
                #expect(text.contains("team/open"), "\(path)")
                #expect(!text.contains("secret") && !text.contains("hush") && !text.contains("merge"), "\(path)")
                #expect(!text.contains(secret.contentRoot.abbreviated), "\(path)")
            }
            for path in [
                "/-/adapter/team/secret:v1", "/-/adapter/team/nothing:v1", "/-/repository/team/secret",
                "/-/lineage/team/secret:v1", "/-/compare?with=team/open:v1&with=team/secret:v1",
                "/-/picture/norms/team/secret:v1", "/-/picture/cosines?with=team/open:v1&with=team/secret:v1",
            ] {
                let answer = try client.request("GET", path, headers: basic("bob"))
                #expect(answer.status == 404 && !answer.text.contains("secret"), "\(path)")
            }
            // A child names its parents; what else there is to know of them it does not.
            let child = try client.request("GET", "/-/lineage/team/secret:v2", headers: basic("alice")).text
            #expect(child.contains("team/secret:v1") && child.contains("team/open:v1"))
            let signedIn = try client.request("GET", "/-/sign-in", headers: basic("bob"))
            #expect(signedIn.status == 303 && signedIn["Location"] == "/")
        }
    }

    @Test func `Long lists come in pages, each entry once`() async throws {
        try await run { client, folder in
            let stored = try push(folder, "team/open:t0")
            try push(folder, "other/foreign:v1", fixture: "llama-task-b")
            let registry = try Registry(opening: folder)
            for number in 1..<230 {
                try registry.tag(stored.reference, as: Reference(parsing: "team/open:t\(number)"))
                try registry.tag(stored.reference, as: Reference(parsing: "other/foreign:t\(number)"))
            }
            for start in ["/", "/?sort=name", "/?sort=rank&q=open", "/-/repository/team/open"] {
                var (path, seen): (String?, [String]) = (start, [])
                while let next = path, seen.count < 1000 {
                    let text = try client.request("GET", next, headers: basic("bob")).text
                    #expect(!text.contains("foreign"), "\(next)")
                    let names = text.matches(of: /type="checkbox" name="with" value="([^"]*)"/).map { String($0.1) }
                    seen += names
                    path = text.firstMatch(of: /<a href="([^"]*)">Next page<\/a>/).map {
                        $0.1.replacingOccurrences(of: "&amp;", with: "&")
                    }
                }
                #expect(seen.count == 230 && Set(seen).count == 230, "\(start): \(seen.count)")
            }
            let history = try client.request("GET", "/-/repository/team/open", headers: basic("bob")).text
            #expect(history.contains("Earlier events"))
        }
    }

    @Test func `A registry that may not be changed has pages, too`() async throws {
        try await TestServer.run { _, folder in
            try push(folder, "team/support:v1")
            try await TestServer.run {
                $0.registry = folder
                $0.isReadOnly = true
            } _: { port, _ in
                let client = try HTTPClient(port: port)
                for path in ["/", "/-/adapter/team/support:v1", "/-/repository/team/support"] {
                    #expect(try client.request("GET", path).text.contains("v1"), "\(path)")
                }
            }
        }
    }

    @Test func `Many who ask at once get one answer each`() async throws {
        try await TestServer.run { port, folder in
            try push(folder, "team/support:v1")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        // On threads of their own: the client waits, and the server needs those of tasks.
                        try await withCheckedThrowingContinuation { continuation in
                            Thread.detachNewThread {
                                continuation.resume(
                                    with: Result {
                                        try HTTPClient(port: port).request("GET", "/-/picture/norms/team/support:v1")
                                            .status
                                    })
                            }
                        }
                    }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 32))
        }
    }
}
