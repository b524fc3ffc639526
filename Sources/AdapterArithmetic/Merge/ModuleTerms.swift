import Adapters
import Integrity
import LinearAlgebra
import Tensors

/// The updates that become the update of one module, before anything is read.
struct ModuleTerms: Sendable {
    /// One input's share: an update ΔW = s·B·A and its weight.
    struct Term: Sendable {
        /// The position among the inputs that take part in this module.
        let position: Int
        let label: String
        let contentRoot: Digest?
        let update: LowRankUpdate
        let weight: Double
        /// The factor of B·A in a sum: weight · scaling.
        var coefficient: Double { weight * update.scaling }

        /// The same update with another weight.
        func weighted(by weight: Double) -> Term {
            Term(position: position, label: label, contentRoot: contentRoot, update: update, weight: weight)
        }
    }

    /// The module's name.
    let name: String
    /// The weights of all inputs that take part in this module. Those that do not adapt it take part with ΔW = 0.
    let weights: [Double]
    /// The shares of those that adapt it, at least one; all of the same kind and shape.
    let terms: [Term]
    /// The common shape.
    let layout: SliceLayout
    /// The element type of the result's factors.
    let dtype: DType
    /// What messages say could not be done.
    var verb = "merge"

    /// The sum of the inputs' ranks.
    var stackedRank: Int { terms.reduce(0) { $0 + $1.update.rank } }

    /// The largest of the inputs' ranks.
    var largestRank: Int { terms.map(\.update.rank).max() ?? 1 }

    /// The largest rank that a linear combination can have.
    var capacity: Int { max(1, min(stackedRank, layout.rows, layout.columns)) }
}

extension ModuleTerms {
    /// One slice of every term, in binary64.
    func parts(ofSlice slice: Int) throws -> [TermSlice] { try TermSlice.read(slice, of: self) }

    /// The factors of each term's ΔW in one slice, with the scaling in B but without the weight.
    func updates(ofSlice slice: Int) throws -> [FactorPair] {
        try zip(terms, try parts(ofSlice: slice)).map { term, part in
            try pair(a: part.a, b: part.b.map { $0 * term.update.scaling }, inner: part.inner)
        }
    }

    /// Factors from elements that lie row by row.
    func pair(a: [Double], b: [Double], inner: Int) throws -> FactorPair {
        try layout.pair(a: a, b: b, inner: inner)
    }

    /// Throws when the module would need more memory than any sensible adapter.
    func checkMemory(storesAll: Bool = true) throws {
        guard layout.fitsMemory(inner: stackedRank, storesAll: storesAll) else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to \(verb) the module '\(name)': the ranks add up to \(stackedRank) for a weight of "
                    + "\(layout.rows) × \(layout.columns), too many to compute with. Take fewer adapters at once.",
                module: name)
        }
    }

    /// Throws when the inner products of all columns of all factors would need too much memory.
    func checkGramMemory() throws {
        guard stackedRank * stackedRank <= SliceLayout.maximumElementCount else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to \(verb) the module '\(name)': the ranks add up to \(stackedRank), too many to compute angles "
                    + "with. Take fewer adapters at once.", module: name)
        }
    }

    /// Runs the body and says in its errors which module they are about.
    func describingErrors<Result>(_ body: () throws -> Result) throws -> Result {
        try ArithmeticError.describing(
            verb, module: name, overflowRemedy: dtype == .f16 ? "Use --dtype bf16 or f32." : "Use smaller weights.",
            dtype: dtype, body)
    }
}
