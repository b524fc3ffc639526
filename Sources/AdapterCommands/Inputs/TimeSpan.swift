internal import ArgumentParser

/// A duration as people write it: `90s`, `30m`, `24h`, `30d`, `2w`, or `0`.
struct TimeSpan: ExpressibleByArgument, CustomStringConvertible {
    let duration: Duration
    let description: String

    init?(argument: String) {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Int64(unit == nil ? argument[...] : argument.dropLast()), number >= 0,
            unit != nil || number == 0
        else { return nil }
        let (seconds, overflow) = number.multipliedReportingOverflow(by: unit ?? 1)
        guard !overflow, seconds < 1 << 40 else { return nil }
        duration = .seconds(seconds)
        description = argument
    }

    static let day = TimeSpan(duration: .seconds(86_400), description: "24h")

    private init(duration: Duration, description: String) {
        self.duration = duration
        self.description = description
    }

    var defaultValueDescription: String { description }
}
