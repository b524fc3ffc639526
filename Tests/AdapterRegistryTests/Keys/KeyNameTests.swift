import AdapterRegistry
import Testing

@Suite struct KeyNameTests {
    @Test(arguments: [
        "a", "Z", "0", "release", "alice@example.com", "a.b_c-d@e", "a..b", String(repeating: "a", count: 64),
        "pem", "a.pem.old",
    ])
    func `names are read`(text: String) throws {
        #expect(try KeyName(parsing: text).description == text)
    }

    @Test(arguments: [
        "", ".", "..", ".a", "-a", "_a", "@a", "a b", "a/b", "../a", "a\\b", "a:b", "a\0", "a\n", "é", "a\u{301}",
        "a.pem",
        "a.pub", "a.json", "~a", "a*", "$a", String(repeating: "a", count: 65), String(repeating: "a", count: 100_000),
    ])
    func `other texts are refused`(text: String) {
        let error = #expect(throws: RegistryError.self) { try KeyName(parsing: text) }
        #expect(error?.code == .invalidReference)
        #expect((error?.message.utf8.count ?? 0) < 400)
    }
}
