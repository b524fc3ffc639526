import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct ReferenceTests {
    static let hexadecimal = String(repeating: "0a", count: 32)

    /// Text, name, and the tag or digest that must come out.
    static let accepted: [(String, String, String)] = [
        ("a", "a", "latest"),
        ("team/a:v1", "team/a", "v1"),
        ("a.b/c_d/e__f/g-h/i---j:latest", "a.b/c_d/e__f/g-h/i---j", "latest"),
        ("0/9:_", "0/9", "_"),
        ("a:V1.2-rc_3", "a", "V1.2-rc_3"),
        ("team/a@sha256:\(hexadecimal)", "team/a", "sha256:\(hexadecimal)"),
        (String(repeating: "a", count: 255), String(repeating: "a", count: 255), "latest"),
        ("a:" + String(repeating: "T", count: 128), "a", String(repeating: "T", count: 128)),
        (
            String(repeating: "a", count: 255) + ":" + String(repeating: "T", count: 128),
            String(repeating: "a", count: 255), String(repeating: "T", count: 128)
        ),
    ]

    @Test(arguments: accepted)
    func `A valid reference has its parts and is written as it was read`(
        _ text: String, _ name: String, _ selector: String
    ) throws {
        let reference = try Reference(parsing: text)
        #expect(reference.repository.description == name)
        #expect((reference.tag?.description ?? reference.digest?.description) == selector)
        #expect(try Reference(parsing: reference.description) == reference)
    }

    static let rejected: [String] = [
        "", ":", "@", "a:", "a@", ":v1", "@sha256:\(hexadecimal)",
        "/a", "a/", "a//b", "/", "..", ".", "../x", "a/../b", "./a", "a/.", "a/./b",
        ".a", "a.", "_a", "a_", "-a", "a-", "a..b", "a___b", "a._b", "a-.b", "a.-b", "a_-b", "a-_b", "__a",
        "A", "Team/a", "a b", " a", "a ", "a\n", "a\tb", "a\0b", "a\u{7F}", "a\\b", "a*", "a?", "a%2f", "é", "a\u{301}",
        "а",  // Cyrillic
        "\u{202E}a", "\u{200B}a", "a\u{2028}",
        "a:b:c", "a:-v", "a:.v", "a:v 1", "a:v/1", "a:v\u{301}", "a:é", "a:v\0", "a:v\n",
        "a:v1@sha256:\(hexadecimal)", "a@sha256:", "a@sha256:0a", "a@sha256:\(hexadecimal)0", "a@md5:\(hexadecimal)",
        "a@sha256:\(hexadecimal.uppercased())", "a@\(hexadecimal)", "a@@sha256:\(hexadecimal)",
        "oci://localhost:5000/a:v1", "localhost:5000/a",
        String(repeating: "a", count: 256),
        "a:" + String(repeating: "T", count: 129),
        String(repeating: "a/", count: 500_000) + "a",
        String(repeating: "-", count: 1 << 20),
    ]

    @Test(arguments: rejected)
    func `An invalid reference is refused in one printable line`(_ text: String) {
        let error = #expect(throws: RegistryError.self) { try Reference(parsing: text) }
        #expect(error?.code == .invalidReference)
        let message = error?.message ?? ""
        #expect(message.hasPrefix("Unable to read the reference '"))
        #expect(message.utf8.count < 500)
        #expect(message.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
        #expect(message.unicodeScalars.allSatisfy { $0.properties.generalCategory != .format })
    }

    @Test(arguments: [
        ("Team/a", "lowercase"), ("", "empty"), ("a//b", "empty part"), ("oci://h/a", "remote"),
        ("a@sha256:0a", "64 lowercase"), ("a:-v", "begin with"), ("-a", "begin and end"),
        ("a__-b", "may stand between"),
        (String(repeating: "a", count: 256), "256 bytes"),
    ])
    func `The message says what is wrong`(_ text: String, _ hint: String) {
        let error = #expect(throws: RegistryError.self) { try Reference(parsing: text) }
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
    }

    @Test func `Every name of up to five characters agrees with the regular expression of OCI`() throws {
        let pattern = /[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*/
        let alphabet = ["a", "0", ".", "_", "-", "/"]
        var names = [""]
        var checked = 0
        for _ in 0..<5 {
            names = names.flatMap { name in alphabet.map { name + $0 } }
            for name in names {
                let isValid = (try? RepositoryName(parsing: name)) != nil
                #expect(isValid == (name.wholeMatch(of: pattern) != nil), "\(name)")
                checked += 1
            }
        }
        #expect(checked == 6 + 36 + 216 + 1296 + 7776)
    }

    @Test func `Suggestions are near or have the same last part`() {
        let names = ["team/llama", "team/mistral", "other/qwen"]
        #expect(Suggestion.nearest(to: "team/lama", among: names) == "team/llama")
        #expect(Suggestion.nearest(to: "qwen", among: names) == "other/qwen")
        #expect(Suggestion.nearest(to: "something/else", among: names) == nil)
        #expect(Suggestion.distance("kitten", "sitting", limit: 9) == 3)
        #expect(Suggestion.distance("", "abc", limit: 9) == 3)
        #expect(Suggestion.distance("", "", limit: 0) == 0)
        // Neighbours that are swapped are one mistake, not two.
        #expect(Suggestion.distance("lsit", "list", limit: 9) == 1)
        #expect(Suggestion.distance("abcdef", "badcfe", limit: 9) == 3)
        #expect(Suggestion.distance("kitten", "sitting", limit: 2) > 2)
        #expect(Suggestion.nearest(to: "shwo", among: ["log", "show"]) == "show")
    }
}
