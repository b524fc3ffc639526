internal import ArgumentParser

/// A number of bytes as people write it: `500M`, `64G`.
struct ByteLimit: ExpressibleByArgument {
    let byteCount: Int

    init?(argument: String) {
        let units = ["k": 1 << 10, "M": 1 << 20, "G": 1 << 30]
        let unit = argument.last.flatMap { units[String($0)] }
        guard let number = Int(unit == nil ? argument[...] : argument.dropLast()), number > 0 else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !overflow else { return nil }
        byteCount = product
    }
}
