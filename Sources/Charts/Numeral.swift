/// Numbers as people read them.
package enum Numeral {
    /// `1.4 MB`, in powers of 1000.
    package static func bytes(_ count: Int) -> String {
        scaled(Double(count), units: [" B", " kB", " MB", " GB", " TB"])
    }

    /// `13.6 M`, in powers of 1000.
    package static func count(_ count: Int) -> String {
        scaled(Double(count), units: ["", " k", " M", " G", " T"])
    }

    private static func scaled(_ value: Double, units: [String]) -> String {
        var value = value
        var unit = 0
        while value >= 999.5, unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        let digits =
            unit == 0 ? "\(Int(value))" : (value < 9.95 ? decimal(value, places: 1) : "\(Int(value.rounded()))")
        return digits + units[unit]
    }

    /// A number with that many places after the point.
    package static func decimal(_ value: Double, places: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        var power = 1.0
        for _ in 0..<places { power *= 10 }
        guard abs(value) * power < 9e18 else { return "\(value)" }
        let scaled = Int((abs(value) * power).rounded())
        let whole = String(scaled / Int(power))
        let fraction = String(scaled % Int(power))
        let sign = value < 0 && scaled != 0 ? "-" : ""
        return places == 0
            ? sign + whole : sign + whole + "." + String(repeating: "0", count: places - fraction.count) + fraction
    }

    /// Three significant digits with an exponent, `1.53e-7`; 0 is `0`.
    package static func scientific(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return value == 0 ? "0" : "\(value)" }
        var exponent = 0
        var magnitude = abs(value)
        while magnitude >= 10 { (magnitude, exponent) = (magnitude / 10, exponent + 1) }
        while magnitude < 1 { (magnitude, exponent) = (magnitude * 10, exponent - 1) }
        if magnitude >= 9.995 { (magnitude, exponent) = (1, exponent + 1) }
        let sign = value < 0 ? "-" : ""
        return (-3..<4).contains(exponent)
            ? sign + decimal(abs(value), places: max(0, 2 - exponent))
            : "\(sign)\(decimal(magnitude, places: 2))e\(exponent)"
    }

    /// A share as a percentage with one place, `12.5 %`.
    package static func percent(_ share: Double) -> String { decimal(100 * share, places: 1) + " %" }

    /// Whole numbers without a point, others as they are: `8`, `5.5`.
    package static func plain(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }

    /// `4`, `4…16` for several different ones, `–` for none.
    package static func range<Value>(_ values: ClosedRange<Value>?, _ format: (Value) -> String) -> String {
        guard let values else { return "–" }
        let (least, largest) = (format(values.lowerBound), format(values.upperBound))
        return least == largest ? least : "\(least)…\(largest)"
    }
}
