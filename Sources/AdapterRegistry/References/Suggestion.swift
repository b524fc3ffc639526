/// What a user may have meant by a name that does not exist.
enum Suggestion {
    /// The nearest of `candidates`: the fewest single-character edits, at most a third of the name; or a name that has
    /// the wanted one as its last part.
    ///
    /// - Complexity: O(candidates · name²).
    static func nearest(to name: String, among candidates: [String]) -> String? {
        let limit = max(1, name.utf8.count / 3)
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let distance = candidate.hasSuffix("/" + name) ? 1 : self.distance(name, candidate, limit: limit)
            if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// The Levenshtein distance of two texts in bytes, or more than `limit` when it exceeds the limit.
    static func distance(_ first: String, _ second: String, limit: Int) -> Int {
        let (first, second) = (Array(first.utf8), Array(second.utf8))
        guard abs(first.count - second.count) <= limit else { return limit + 1 }
        var previous = Array(0...second.count)
        for (row, byte) in first.enumerated() {
            var current = [row + 1]
            for (column, other) in second.enumerated() {
                let replaced = previous[column] + (byte == other ? 0 : 1)
                current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
            }
            previous = current
        }
        return previous[second.count]
    }
}
