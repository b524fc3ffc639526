import ByteCoding
import Testing

@Suite struct PrintableTextTests {
    @Test(arguments: [
        ("plain ünïcode 😀", "plain ünïcode 😀"), ("a\u{1B}[2Jb", "a\u{FFFD}[2Jb"),
        ("\u{0}\u{7F}\u{9B}", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        ("line\r\nline", "line\u{FFFD}\u{FFFD}line"), ("", ""),
    ])
    func `Control characters are replaced`(_ text: String, _ expected: String) {
        #expect(text.printable() == expected)
    }

    @Test func `Long texts are cut`() {
        #expect(String(repeating: "é", count: 3000).printable() == String(repeating: "é", count: 2000))
        #expect("abc".printable(limit: 2) == "ab")
    }
}
