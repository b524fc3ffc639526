import Tensors

extension MergeOptions {
    /// Throws when an option is outside its range or does not go with another.
    ///
    /// - Throws: ``ArithmeticError`` with code `invalidOption`.
    public func check() throws {
        let used = method.parameters(self)
        if let name = unused.first {
            throw invalid(
                "the method \(method.rawValue) has no --\(name). "
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

    /// The options that are set although the method has none of that name.
    public var unused: [String] {
        let used = method.parameters(self)
        return MergeParameter.allCases.filter { has($0) && !used.contains($0) }.map(\.rawValue)
    }

    /// The options without those that the method does not have: for several methods that are told the same.
    public var limitedToMethod: MergeOptions {
        var options = self
        for parameter in Set(MergeParameter.allCases).subtracting(method.parameters(self)) {
            switch parameter {
            case .rank: (options.rank, options.reducesRank) = (nil, false)
            case .energy: options.energy = nil
            case .density: options.density = nil
            case .gamma: options.gamma = nil
            case .epsilon: options.epsilon = nil
            case .lambda: options.lambda = nil
            case .seed: options.seed = nil
            case .by: options.unit = nil
            case .inner: options.inner = nil
            case .majority: options.majority = nil
            }
        }
        return options
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
