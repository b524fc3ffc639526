/// Rows of tokens that are computed together, one behind the other without padding.
///
/// Each segment sees itself alone and has positions of its own, so it does not matter what it shares a batch with.
package struct TokenBatch: Hashable, Sendable {
    /// The tokens.
    package private(set) var ids: [Int32] = []
    /// For each token the one that follows it, when that one is learned; else −1.
    package private(set) var targets: [Int32] = []
    /// Each token's place in its segment.
    package private(set) var positions: [Int32] = []
    /// The segments' tokens.
    package private(set) var segments: [Range<Int>] = []

    package init() {}

    /// Some examples, each a segment.
    package init(_ dataset: Dataset, _ examples: some Sequence<Int>) {
        for example in examples {
            append(dataset.examples[example].ids, isLearned: dataset.examples[example].isLearned)
        }
    }

    /// Adds a segment.
    ///
    /// - Parameter isLearned: for each token whether it is learned; the first one never is, as nothing predicts it.
    package mutating func append(_ tokens: some Collection<Int32>, isLearned: some Collection<Bool>) {
        precondition(tokens.count == isLearned.count, "every token is learned or not")
        guard !tokens.isEmpty else { return }
        segments.append(ids.count..<ids.count + tokens.count)
        positions += (0..<tokens.count).map { Int32($0) }
        ids += tokens
        targets += zip(tokens, isLearned).dropFirst().map { $1 ? $0 : -1 }
        targets.append(-1)
    }

    /// The tokens that are learned.
    package var learnedCount: Int { targets.count { $0 >= 0 } }
}
