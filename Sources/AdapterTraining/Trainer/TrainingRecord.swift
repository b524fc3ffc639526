public import ByteCoding

/// What happened in a run, step by step.
public struct TrainingRecord: Hashable, Sendable {
    /// One step.
    public struct Step: Hashable, Sendable {
        /// Its number, from 1 on.
        public var number: Int
        /// The mean cross entropy of the tokens it learned from.
        public var loss: Double
        /// The learning rate of A.
        public var learningRate: Double
        /// The norm of the gradients before clipping.
        public var gradientNorm: Double
        /// The tokens that were learned.
        public var learnedCount: Int
        /// All tokens that were read.
        public var tokenCount: Int
    }

    /// One validation.
    public struct Validation: Hashable, Sendable {
        /// The step behind which it took place; 0 for the one before training.
        public var step: Int
        /// The mean cross entropy.
        public var loss: Double
    }

    /// The steps, in order.
    public var steps: [Step] = []
    /// The validations, in order.
    public var validations: [Validation] = []

    /// Creates an empty record.
    public init() {}

    /// The validation with the least loss; the first of equals.
    public var best: Validation? {
        validations.reduce(nil as Validation?) { best, next in
            best.map { next.loss < $0.loss ? next : $0 } ?? next
        }
    }

    /// The validations since the best one.
    var validationsSinceBest: Int {
        guard let best else { return 0 }
        return validations.count { $0.step > best.step }
    }

    /// At most so many steps, and four times as many validations, to look at: the first and the last as they were, and
    /// for each stretch between them the means of the loss, the rate and the norm, the sums of the tokens and the
    /// number of its last step; of a stretch of validations the best. A short record stays as it is.
    public func thinned(to count: Int) -> TrainingRecord {
        var thinned = self
        if count >= 3, steps.count > count {
            let inner = steps[1..<steps.count - 1]
            let means = Self.stretches(inner, count: count - 2).map { part in
                func mean(_ value: (Step) -> Double) -> Double {
                    part.reduce(0) { $0 + value($1) } / Double(part.count)
                }
                return Step(
                    number: part[part.endIndex - 1].number, loss: mean(\.loss), learningRate: mean(\.learningRate),
                    gradientNorm: mean(\.gradientNorm), learnedCount: part.reduce(0) { $0 + $1.learnedCount },
                    tokenCount: part.reduce(0) { $0 + $1.tokenCount })
            }
            thinned.steps = Array(steps.prefix(1)) + means + steps.suffix(1)
        }
        if count >= 3, validations.count > 4 * count {
            let inner = validations[1..<validations.count - 1]
            thinned.validations =
                Array(validations.prefix(1))
                + Self.stretches(inner, count: 4 * count - 2).compactMap { part in part.min { $0.loss < $1.loss } }
                + validations.suffix(1)
        }
        return thinned
    }

    /// Cuts into so many parts of nearly equal length, which is at most that of the whole.
    private static func stretches<Value>(_ values: ArraySlice<Value>, count: Int) -> [ArraySlice<Value>] {
        (0..<count).map { part in
            values[
                values.startIndex + part * values.count / count..<values.startIndex + (part + 1) * values.count / count]
        }
    }

    /// The record as a document: a list for each quantity.
    public var document: MetadataValue {
        func list(_ value: (Step) -> MetadataValue) -> MetadataValue { .array(steps.map(value)) }
        return [
            "step": list { MetadataValue($0.number) }, "loss": list { .double($0.loss) },
            "learning_rate": list { .double($0.learningRate) }, "grad_norm": list { .double($0.gradientNorm) },
            "learned_tokens": list { MetadataValue($0.learnedCount) }, "tokens": list { MetadataValue($0.tokenCount) },
            "eval_step": .array(validations.map { MetadataValue($0.step) }),
            "eval_loss": .array(validations.map { .double($0.loss) }),
        ]
    }

    /// A record from a document; nil when it is none.
    public init?(document: MetadataValue) {
        func numbers(_ key: String) -> [Double]? {
            document[key]?.array.flatMap { list in
                let numbers = list.compactMap(\.number)
                return numbers.count == list.count ? numbers : nil
            }
        }
        func integers(_ key: String) -> [Int]? { numbers(key).map { $0.compactMap { Int(exactly: $0) } } }
        guard let number = integers("step"), let loss = numbers("loss"), let rate = numbers("learning_rate"),
            let norm = numbers("grad_norm"), let learned = integers("learned_tokens"), let tokens = integers("tokens"),
            let step = integers("eval_step"), let validation = numbers("eval_loss"),
            [loss.count, rate.count, norm.count, learned.count, tokens.count].allSatisfy({ $0 == number.count }),
            step.count == validation.count
        else { return nil }
        steps = number.indices.map {
            Step(
                number: number[$0], loss: loss[$0], learningRate: rate[$0], gradientNorm: norm[$0],
                learnedCount: learned[$0], tokenCount: tokens[$0])
        }
        validations = step.indices.map { Validation(step: step[$0], loss: validation[$0]) }
    }
}
