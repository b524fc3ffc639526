/// A day of the Gregorian calendar in UTC, from 1970-01-01 to 9999-12-31 (signatures spec, clause 2.4).
public struct UTCDate: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The form YYYY-MM-DD, whose order as text is the order in time.
    public let description: String

    /// A date in the form YYYY-MM-DD.
    ///
    /// - Throws: ``SignatureError`` with code `malformedDate`.
    public init(parsing text: String) throws(SignatureError) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].reduce(0 as Int?) { sum, byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    ? sum.map { 10 * $0 + Int(byte - UInt8(ascii: "0")) } : nil
            }
        }
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), year >= 1970,
            (1...12).contains(month), (1...UTCDate.dayCount(year, month)).contains(day)
        else {
            throw SignatureError(
                .malformedDate,
                "Unable to read the date '\(text.prefix(40))': a day in the form YYYY-MM-DD is expected, such as "
                    + "2030-12-31.")
        }
        description = text
    }

    private static func dayCount(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The order in time.
    public static func < (left: UTCDate, right: UTCDate) -> Bool {
        left.description.utf8.lexicographicallyPrecedes(right.description.utf8)
    }
}
