/// Tokens to learn from.
public struct Example: Hashable, Sendable {
    /// The tokens.
    public var ids: [Int32]
    /// For each token whether it is learned.
    public var isLearned: [Bool]

    package init(ids: [Int32], isLearned: [Bool]) {
        self.ids = ids
        self.isLearned = isLearned
    }

    /// Whether anything is learned; the first token never is, as nothing predicts it.
    var hasTarget: Bool { isLearned.dropFirst().contains(true) }
}

/// What becomes of rows longer than the limit.
public enum TruncationPolicy: String, Sendable, CaseIterable {
    /// Their end is cut off.
    case truncate
    /// They are left out.
    case drop
    /// They are an error.
    case refuse
}

/// How rows become examples.
public struct DataOptions: Hashable, Sendable {
    /// The most tokens of a row.
    public var maximumLength: Int
    /// What becomes of longer ones.
    public var truncation: TruncationPolicy
    /// Whether answers and completions alone are learned.
    public var masksPrompt: Bool
    /// How conversations are written; nil when there are none.
    public var template: ChatTemplate?
    /// The token that ends a text or a completion; nil to add none.
    public var endToken: Int32?

    /// Creates options.
    public init(
        maximumLength: Int, truncation: TruncationPolicy = .truncate, masksPrompt: Bool = false,
        template: ChatTemplate? = nil, endToken: Int32? = nil
    ) {
        self.maximumLength = maximumLength
        self.truncation = truncation
        self.masksPrompt = masksPrompt
        self.template = template
        self.endToken = endToken
    }
}

/// The examples of a file, and what became of rows that made none.
public struct Dataset: Hashable, Sendable {
    /// How many rows were not used as they are.
    public struct Losses: Hashable, Sendable {
        /// Rows longer than the limit whose end was cut off.
        public var truncatedCount = 0
        /// Rows longer than the limit that were left out.
        public var tooLongCount = 0
        /// Rows in which nothing is learned, left out.
        public var unlearnedCount = 0
    }

    /// The examples, in the order of their rows.
    public var examples: [Example]
    /// What was lost.
    public var losses: Losses
    /// Whether the end token of conversations is not learned anywhere, so that a model would not learn to stop.
    public var neverLearnsToStop: Bool

    /// The tokens of all examples.
    public var tokenCount: Int { examples.reduce(0) { $0 + $1.ids.count } }
    /// The tokens that are learned.
    public var learnedCount: Int { examples.reduce(0) { $0 + $1.isLearned.dropFirst().count { $0 } } }

    package init(examples: [Example], losses: Losses = Losses(), neverLearnsToStop: Bool = false) {
        self.examples = examples
        self.losses = losses
        self.neverLearnsToStop = neverLearnsToStop
    }

    /// The last examples of a random order, at least one, as a set of their own; of a single stream its end.
    ///
    /// - Throws: ``TrainingError`` with code `emptyData` when either part would be empty.
    public mutating func splitOff(fraction: Double, seed: UInt64, isStream: Bool) throws -> Dataset {
        let count = max(1, Int((Double(examples.count) * fraction).rounded()))
        guard examples.count > count else {
            throw TrainingError(
                .emptyData,
                "Unable to split \(examples.count) rows for validation: both parts need one. Give a file for validation."
            )
        }
        var order = Array(examples.indices)
        // Neighbouring pieces of one text know each other's words, so these are not mixed.
        if !isStream {
            var random = CounterBasedRandom(seed: seed, name: "validation split")
            order = random.permutation(of: examples.count)
        }
        let held = Set(order.suffix(count))
        let part = examples.indices.filter { held.contains($0) }.map { examples[$0] }
        examples = examples.indices.filter { !held.contains($0) }.map { examples[$0] }
        return Dataset(examples: part)
    }
}
