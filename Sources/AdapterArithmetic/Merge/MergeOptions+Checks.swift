import Tensors

extension MergeOptions {
    /// Throws when an option is outside its range or does not go with another.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidOption`.
    public func check() throws {
        let used = method.parameters(self)
        for parameter in MergeParameter.allCases where has(parameter) && !used.contains(parameter) {
            throw invalid(
                "the method \(method.rawValue) has no --\(parameter.rawValue). "
                    + (used.isEmpty
                        ? "Leave it out, or use another --method."
                        : "It has \(used.map { "--\($0.rawValue)" }.sorted().joined(separator: ", "))."))
        }
        if let inner, !inner.isInner {
            throw invalid(
                "\(inner.rawValue) cannot merge cores. Use --inner exact, which adds them, or another method but "
                    + "core-space, ctm and PEFT's on factors.")
        }
        if method == .modelStock, unit == .column {
            throw invalid("model-stock is defined by row alone. Use --by row or whole.")
        }
        if reducesRank, case .elements = method.definition(self) {
            throw invalid(
                "a result of \(method.rawValue) has full rank, so no smaller rank loses nothing. Use --rank with a number, "
                    + "or --energy.")
        }
        if let rank, rank < 1 { throw invalid("the rank is \(rank), at least 1 is needed.") }
        try requireShare(energy, "energy")
        try requireShare(density, "density")
        if let gamma, !(gamma >= 0 && gamma < 1) {
            throw invalid("gamma is \(gamma), a share of at least 0 and below 1 is needed.")
        }
        if used.contains(.epsilon), shareKept < 1 {
            let (least, largest) = (shareKept - probabilitySpread, shareKept + probabilitySpread)
            guard probabilitySpread >= 0, least > 0, largest < 1 else {
                throw invalid(
                    "with density \(shareKept) and epsilon \(probabilitySpread) the probabilities reach from \(least) to "
                        + "\(largest), above 0 and below 1 is needed. Use a smaller --epsilon.")
            }
        }
        if let lambda, !lambda.isFinite {
            throw invalid("lambda is \(lambda), a finite number is needed.")
        }
        if let dtype, ![.f32, .f16, .bf16].contains(dtype) {
            throw invalid("results cannot be written as \(dtype). Use --dtype f32, f16 or bf16.")
        }
    }

    private func has(_ parameter: MergeParameter) -> Bool {
        switch parameter {
        case .rank: rank != nil || reducesRank
        case .energy: energy != nil
        case .density: density != nil
        case .gamma: gamma != nil
        case .epsilon: epsilon != nil
        case .lambda: lambda != nil
        case .seed: seed != nil
        case .by: unit != nil
        case .inner: inner != nil
        case .majority: majority != nil
        }
    }

    private func requireShare(_ share: Double?, _ name: String) throws {
        guard let share, !(share > 0 && share <= 1) else { return }
        throw invalid("the \(name) is \(share), a share above 0 and up to 1 is needed.")
    }

    private func invalid(_ reason: String) -> ArithmeticError {
        ArithmeticError(.invalidOption, "Unable to \(verb): \(reason)")
    }
}
