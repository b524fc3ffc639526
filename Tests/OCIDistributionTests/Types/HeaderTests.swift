import OCIDistribution
import Testing

struct HeaderTests {
    @Test(arguments: [
        ("bytes=0-0", 0..<1), ("bytes=2-5", 2..<6), ("bytes=5-", 5..<10), ("bytes=-3", 7..<10), ("bytes=-99", 0..<10),
        ("bytes=9-99", 9..<10), ("Bytes=0-1", 0..<2), ("bytes= 1 - 2 ", 1..<3),
    ])
    func `ranges of a content of ten bytes`(_ text: String, expected: Range<Int>) {
        #expect(RangeRequest(parsing: text)?.resolved(byteCount: 10) == expected)
    }

    @Test(arguments: ["bytes=10-", "bytes=10-20", "bytes=-0"])
    func `ranges without a byte of the content`(_ text: String) {
        #expect(RangeRequest(parsing: text) != nil)
        #expect(RangeRequest(parsing: text)?.resolved(byteCount: 10) == nil)
    }

    @Test(arguments: [
        "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1-2,3-4", "lines=1-2", "bytes=+1-2",
        "bytes=1-2-3", "bytes=99999999999999999999-", "bytes=0x1-2",
    ])
    func `malformed ranges are ignored`(_ text: String) {
        #expect(RangeRequest(parsing: text) == nil)
    }

    @Test func `the range of an answer`() {
        #expect(ContentRange(parsing: "bytes 0-4/10") == ContentRange(0..<5, of: 10))
        #expect(ContentRange(parsing: "bytes 0-4/*") == ContentRange(0..<5, of: nil))
        for text in [
            "", "bytes 0-4", "bytes 4-0/10", "bytes 0-10/10", "bytes */10", "0-4/10", "bytes 0-9223372036854775807/*",
        ] {
            #expect(ContentRange(parsing: text) == nil)
        }
        #expect(ContentRange(2..<4, of: 9).description == "bytes 2-3/9")
        #expect(UploadRange.parse("0-1023") == 0..<1024)
        #expect(UploadRange.parse("bytes=0-1") == nil)
        #expect(UploadRange.header(0..<1024) == "0-1023")
    }

    @Test(arguments: [
        ("</v2/a/tags/list?last=x&n=2>; rel=\"next\"", "/v2/a/tags/list?last=x&n=2"), ("<a>; rel=next", "a"),
        ("<p>; rel=prev, <n>; title=\"x, y\"; rel=\"last next\"", "n"), ("<p>; rel=\"prev\"", nil), ("", nil),
        ("<unclosed; rel=next", nil), ("a; rel=next", nil), ("<a>;rel", nil),
    ])
    func `the next page of a list`(_ text: String, expected: String?) {
        #expect(LinkHeader.next(in: text) == expected)
    }

    @Test func `media types have the grammar of RFC 6838`() throws {
        #expect(try MediaType(parsing: MediaType.modelWeight.description) == .modelWeight)
        #expect(try MediaType(parsingHeader: "Application/JSON; charset=utf-8") == .json)
        for text in ["", "a", "a/", "/b", "a/b/c", "a b/c", "-a/b", "a/b;c", "é/b", "a/\u{0}"] {
            #expect(throws: OCIError.self) { try MediaType(parsing: text) }
        }
    }
}
