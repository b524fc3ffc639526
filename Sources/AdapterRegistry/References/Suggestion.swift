/// What a user may have meant by a name that does not exist.
package enum Suggestion {
    /// The nearest of `candidates`: the fewest single-character edits, at most a third of the name; or a name that has
    /// the wanted one as its last part.
    ///
    /// - Complexity: O(candidates · name²) at worst; a candidate is given up as soon as it cannot be the nearest.
    package static func nearest(to name: String, among candidates: [String]) -> String? {
        let wanted = Array(name.utf8)
        // Of equally near ones the first counts, so each must be nearer than the best so far.
        var limit = max(1, wanted.count / 3)
        var best: String?
        for candidate in candidates {
            let distance = candidate.hasSuffix("/" + name) ? 1 : distance(wanted, Array(candidate.utf8), limit: limit)
            guard distance <= limit else { continue }
            best = candidate
            limit = distance - 1
            if limit < 0 { break }
        }
        return best
    }

    /// The fewest bytes that are added, dropped, replaced or swapped with their neighbours to make one text of the other,
    /// or more than `limit` when it exceeds the limit (optimal string alignment).
    static func distance(_ first: String, _ second: String, limit: Int) -> Int {
        distance(Array(first.utf8), Array(second.utf8), limit: limit)
    }

    private static func distance(_ first: [UInt8], _ second: [UInt8], limit: Int) -> Int {
        guard abs(first.count - second.count) <= limit else { return limit + 1 }
        var beforeLast: [Int] = []
        var last = Array(0...second.count)
        var row = last
        for line in first.indices {
            row[0] = line + 1
            for column in second.indices {
                let isEqual = first[line] == second[column]
                row[column + 1] = min(last[column] + (isEqual ? 0 : 1), last[column + 1] + 1, row[column] + 1)
                if line > 0, column > 0, first[line] == second[column - 1], first[line - 1] == second[column] {
                    row[column + 1] = min(row[column + 1], beforeLast[column - 1] + 1)
                }
            }
            // Two rows above the limit leave no way back below it.
            if row.allSatisfy({ $0 > limit }), last.allSatisfy({ $0 > limit }) { return limit + 1 }
            (beforeLast, last, row) = (last, row, last)
        }
        return last[second.count]
    }
}
