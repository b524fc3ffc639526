/// Questions about descending singular values.
enum Spectrum {
    /// The smallest k such that the first k values hold the share `energy` of the sum of squares.
    ///
    /// - Parameter missing: a part of the sum that none of the values holds.
    static func rank(keeping energy: Double, of spectrum: [Double], missing: Double = 0) -> Int {
        guard let largest = spectrum.first, largest > 0 else { return 0 }
        let squares = spectrum.map { ($0 / largest) * ($0 / largest) }
        let missing = missing / largest / largest
        // Summed from the small end, so that the tail is exact where it decides.
        let total = squares.reversed().reduce(missing, +)
        var rank = squares.count
        var tail = missing
        while rank > 1, tail + squares[rank - 1] <= (1 - energy) * total {
            tail += squares[rank - 1]
            rank -= 1
        }
        return rank
    }
}
