import AdapterRegistry
import Foundation
import Testing

@Suite struct TimestampTests {
    @Test func `Moments are written as ISO 8601 in UTC, like Foundation writes them`() {
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime]
        // Steps of a prime number of seconds reach every month, leap years and years before 1970.
        for seconds in stride(from: Int64(-2_300_000_000), to: 4_200_000_000, by: 1_299_709) {
            let expected = formatter.string(from: Date(timeIntervalSince1970: Double(seconds))).dropLast() + ".007Z"
            #expect(Timestamp(milliseconds: seconds * 1000 + 7).description == expected)
        }
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ])
    func `Edges of days and years are right`(_ milliseconds: Int64, _ expected: String) {
        #expect(Timestamp(milliseconds: milliseconds).description == expected)
    }

    @Test func `Extreme values do not trap`() {
        #expect(!Timestamp(milliseconds: .max).description.isEmpty)
        #expect(!Timestamp(milliseconds: .min).description.isEmpty)
        #expect(abs(Timestamp.now().milliseconds - Int64(Date().timeIntervalSince1970 * 1000)) < 10_000)
    }
}
