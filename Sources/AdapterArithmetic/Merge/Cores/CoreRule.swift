/// A method that makes factors of factors, whatever these are: those of the updates themselves, or of small cores.
protocol CoreRule: ApproximationRule {
    /// One slice of the result.
    ///
    /// - Parameters:
    ///   - updates: one for each of the module's terms, without its weight.
    ///   - rank: what is wanted, where the result depends on it.
    func merged(_ updates: [FactorPair], _ module: ModuleTerms, slice: Int, rank: Int) throws -> FactorPair
}

extension CoreRule {
    func approximation(_ module: ModuleTerms, slice: Int, rank: Int) throws -> Approximation {
        let result = try merged(try module.updates(ofSlice: slice), module, slice: slice, rank: rank)
        return try Approximation(result, rank: rank)
    }
}
