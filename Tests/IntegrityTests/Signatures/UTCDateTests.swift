import Integrity
import Testing

struct UTCDateTests {
    @Test(arguments: ["1970-01-01", "2000-02-29", "2024-02-29", "2025-12-31", "2030-06-30", "9999-12-31"])
    func `dates are read and written`(text: String) throws {
        #expect(try UTCDate(parsing: text).description == text)
    }

    @Test(arguments: [
        "", "2025", "2025-1-1", "2025-01-1", "1969-12-31", "0000-01-01", "2025-00-10", "2025-13-01", "2025-01-00",
        "2025-01-32", "2025-04-31", "2025-02-29", "1900-02-29", "2100-02-29", "2025/01/01", "2025-01-01T00:00:00Z",
        " 2025-01-01", "2025-01-01\n", "-025-01-01", "2025-+1-01", "２０２５-01-01", "10000-01-01", "20250-1-01",
        "2025-0١-01", String(repeating: "9", count: 100_000),
    ])
    func `other texts are refused`(text: String) {
        let error = #expect(throws: SignatureError.self) { try UTCDate(parsing: text) }
        #expect(error?.code == .malformedDate)
        #expect((error?.message.utf8.count ?? 0) < 300)
    }

    @Test func `dates are ordered in time`() throws {
        let dates = try ["1970-01-01", "1999-12-31", "2000-01-01", "2000-01-31", "2000-02-01", "9999-12-31"]
            .map { try UTCDate(parsing: $0) }
        #expect(dates.shuffled().sorted() == dates)
    }
}
