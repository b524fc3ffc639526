internal import AdapterArithmetic
internal import AdapterInterchange
internal import Adapters
internal import ArgumentParser

/// Factors of the adapters' weights in some modules: `REGEX=W`, or `REGEX=W1,W2,…` with one for each adapter.
struct ModuleWeights: ExpressibleByArgument, Sendable {
    let text: String
    let pattern: String
    let factors: [Double]

    init?(argument: String) {
        guard let equals = argument.lastIndex(of: "=") else { return nil }
        let numbers = argument[argument.index(after: equals)...].split(separator: ",", omittingEmptySubsequences: false)
        let factors = numbers.compactMap { Double($0) }
        guard factors.count == numbers.count, factors.allSatisfy(\.isFinite), argument.startIndex < equals else {
            return nil
        }
        text = argument
        pattern = String(argument[..<equals])
        self.factors = factors
    }

    /// Sets the factors of the inputs.
    ///
    /// - Throws: `InputError` when the numbers are not as many as the inputs or no module matches.
    static func apply(_ all: [ModuleWeights], to inputs: inout [MergeInput]) throws {
        for weights in all {
            guard [1, inputs.count].contains(weights.factors.count) else {
                throw InputError.wrongWeightCount(weights.text, weights.factors.count, adapters: inputs.count)
            }
            let pattern = try ModuleNamePattern(weights.pattern)
            var matches = 0
            for index in inputs.indices {
                for module in inputs[index].adapter.modules where try pattern.matches(module.name) {
                    inputs[index].factors[module.name] =
                        weights.factors.count == 1 ? weights.factors[0] : weights.factors[index]
                    matches += 1
                }
            }
            guard matches > 0 else {
                throw InputError.unmatchedPattern(
                    weights.pattern, example: inputs.first?.adapter.modules.first?.name ?? "")
            }
        }
    }
}
