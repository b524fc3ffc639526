internal import AdapterInterchange

extension TrainingConfiguration {
    /// The steps that comparing patterns with names may take.
    private static let patternBudget = 50_000_000

    /// The update of each selected layer.
    ///
    /// - Throws: ``TrainingError`` with code `noTarget`, or `invalidSetting` when a rank is above its layer's extents;
    ///   `InterchangeError` when a pattern is malformed.
    package func specifications<Element>(for weights: TransformerWeights<Element>) throws -> [UpdateSpecification] {
        let linears = AdapterStack.linears(weights)
        let selected = try targets.selected(of: linears.map(\.linear.name))
        let (ranks, alphas) = (try ModulePatterns(rankPattern), try ModulePatterns(alphaPattern))
        var budget = TrainingConfiguration.patternBudget
        let specifications = try linears.filter { selected.contains($0.linear.name) }.map { place, linear in
            var specification = UpdateSpecification(
                place: place, name: linear.name, inputCount: linear.weight.columns, outputCount: linear.weight.rows,
                rank: try ranks.values(for: linear.name, budget: &budget).first ?? rank,
                alpha: try alphas.values(for: linear.name, budget: &budget).first ?? alpha, scalingRule: scalingRule)
            specification.hasMagnitude = usesMagnitudes
            return specification
        }
        for specification in specifications {
            let limit = min(specification.inputCount, specification.outputCount)
            guard specification.rank <= limit else {
                throw TrainingError(
                    .invalidSetting,
                    "Unable to train '\(specification.name)' with rank \(specification.rank): its weight is "
                        + "\(specification.outputCount) × \(specification.inputCount), so \(limit) is the most.")
            }
        }
        return specifications
    }
}
