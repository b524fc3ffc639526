internal import ArgumentParser

/// Which part of a model's files this process deals with: `2/4` is the second of four parts.
struct ShardSelection: ExpressibleByArgument {
    let number: Int
    let count: Int

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Int(parts[0]), let count = Int(parts[1]), number >= 1, number <= count
        else { return nil }
        self.number = number
        self.count = count
    }

    /// The part's files out of `total`, as evenly as possible.
    func indices(of total: Int) -> Range<Int> {
        // Products in full width: the count comes from the user.
        func start(_ part: Int) -> Int {
            count.dividingFullWidth(part.multipliedFullWidth(by: total)).quotient
        }
        return start(number - 1)..<start(number)
    }
}
