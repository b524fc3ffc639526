import AdapterRegistry
import OCIDistribution
import Testing

struct RemoteReferenceTests {
    @Test(arguments: [
        ("oci://registry.example.com/team/a:v1", "registry.example.com", "team/a", "v1"),
        ("oci://localhost:5000/a", "localhost:5000", "a", "latest"),
        ("oci+http://[::1]:5000/a:V_1.x-y", "[::1]:5000", "a", "V_1.x-y"),
        ("oci+https://10.0.0.1/a/b/c__d/e-f.g", "10.0.0.1", "a/b/c__d/e-f.g", "latest"),
    ])
    func `a reference has a host, a repository and a tag`(_ text: String, host: String, name: String, tag: String)
        throws
    {
        let reference = try RemoteReference(parsing: text)
        #expect(reference.host.description == host)
        #expect(reference.repository.description == name)
        #expect(reference.selector == tag)
        #expect(reference.description == text)
        #expect(RemoteReference.isRemote(text))
    }

    @Test func `a digest decides when there is a tag too`() throws {
        let digest = ContentDigest.hash([])
        let text = "oci://h.example/a:v1@\(digest)"
        let reference = try RemoteReference(parsing: text)
        #expect(reference.selector == digest.description)
        #expect(reference.tag?.description == "v1")
        #expect(reference.description == text)
        let long = ContentDigest.hash([], algorithm: .sha512)
        #expect(try RemoteReference(parsing: "oci://h.example/a@\(long)").digest == long)
    }

    @Test(arguments: [
        "", "oci://", "oci:///a", "oci://host", "oci://host/", "oci://host:/a", "oci://host:0/a", "oci://host:65536/a",
        "oci://host:+5/a", "oci://host:123456/a", "oci://ho st/a", "oci://user@host/a", "oci://user:pw@host/a",
        "oci://host/A", "oci://host/../a", "oci://host/a/../b", "oci://host/a//b", "oci://host/a/", "oci://host/a:",
        "oci://host/a:.v", "oci://host/a@", "oci://host/a@sha256:00", "oci://host/a@md5:00", "oci://host/a?x=1",
        "oci://host/a#x", "oci://host/%2e%2e", "http://host/a", "oci:dir:tag", "oci://[::1/a", "oci://[::1]x/a",
        "oci://[]/a", "oci://-host/a", "oci://host..x/a", "oci://host/a\u{0}", "oci://host/a:v\n1",
        "OCI://host/a", "oci://host/" + String(repeating: "a", count: 256),
        "oci://host/a:" + String(repeating: "b", count: 129), "oci://" + String(repeating: "h", count: 2000) + "/a",
    ])
    func `everything else is refused`(_ text: String) {
        let error = #expect(throws: OCIError.self) { try RemoteReference(parsing: text) }
        #expect(error?.code == .invalidReference)
        #expect((error?.message.utf8.count ?? 0) < 400)
    }

    @Test(arguments: [
        ("localhost", true), ("LOCALHOST:80", true), ("127.0.0.1", true), ("127.9.9.9:1", true), ("[::1]", true),
        ("a.localhost", true), ("127.0.0.1.example.com", false), ("127.example", false), ("localhost.example", false),
        ("10.0.0.1", false),
    ])
    func `only names of this machine are loopback`(_ text: String, expected: Bool) throws {
        #expect(try RegistryHost(parsing: text).isLoopback == expected)
    }
}
