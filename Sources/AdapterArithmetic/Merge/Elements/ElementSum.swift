import CNumericKernels

/// A sum of sparsified matrices, over all of them or over those that agree with an elected sign: what TIES, DARE, DELLA,
/// breadcrumbs and pruning have in common.
struct ElementSum: ElementRule {
    /// What makes up for the elements that were dropped.
    enum Rescaling: Sendable {
        case none
        /// Multiply by ‖all‖₁ / ‖kept‖₁, as mergekit does.
        case norm
        /// Divide by the density, as PEFT does.
        case density(Double)
    }

    /// Whose sign decides; nil adds everything.
    enum Election: Sendable {
        /// The sum of the weighted elements.
        case weighted
        /// The sum of the elements.
        case total
        /// The number of elements.
        case frequency
    }

    /// What the elected elements' sum is divided by.
    enum Divisor: Sendable {
        case none
        /// The sum of the weights of those that agree; 1 when that is 0.
        case weights
        /// The number of those that agree; 1 when there is none.
        case count
    }

    let sparsifier: any Sparsifier
    var rescaling = Rescaling.none
    var election: Election?
    var divisor = Divisor.none
    /// What multiplies the result.
    var lambda: Float = 1

    func prepared(_ elements: Elements) throws -> any PreparedElementRule {
        let inputs = 0..<elements.grid.source.count
        let masks = try inputs.map { try sparsifier.mask(of: $0, in: elements) }
        return PreparedElementSum(
            rule: self, masks: masks, factors: try inputs.map { try factor(of: $0, masks[$0], elements.grid) },
            weights: elements.weights)
    }

    /// What multiplies one matrix after its sparsification.
    private func factor(of input: Int, _ mask: any ElementMask, _ grid: ElementGrid) throws -> Float {
        guard case .norm = rescaling, !(mask is EveryElement) else { return 1 }
        let bands = try grid.pass { _ in
            (all: 0.0, kept: 0.0)
        } _: { sums, tile in
            let values = try tile.load(input)
            unsafe sums.all += cnk_sum_magnitudes(values.pointer, values.count)
            mask.apply(to: values, of: tile)
            unsafe sums.kept += cnk_sum_magnitudes(values.pointer, values.count)
        }
        let (all, kept) = bands.reduce((0, 0)) { ($0.0 + $1.all, $0.1 + $1.kept) }
        return kept > 0 ? Float(all / kept) : 1
    }
}

/// A sum with its masks and factors.
private struct PreparedElementSum: PreparedElementRule {
    let rule: ElementSum
    let masks: [any ElementMask]
    let factors: [Float]
    let weights: [Float]

    func merge(_ tile: ElementTile) throws {
        for (input, mask) in masks.enumerated() {
            let values = try tile.load(input)
            mask.apply(to: values, of: tile)
            if case .density(let density) = rule.rescaling {
                unsafe cnk_divide(values.pointer, values.count, Float(density))
            } else if factors[input] != 1 {
                unsafe cnk_scale(values.pointer, values.count, factors[input])
            }
        }
        tile.add(weights, election: rule.election, divisor: rule.divisor)
        if rule.lambda != 1 { unsafe cnk_scale(tile.merged.pointer, tile.count, rule.lambda) }
    }
}

extension ElementTile {
    /// Merges the tile's matrices as they are.
    func add(_ weights: [Float], election: ElementSum.Election?, divisor: ElementSum.Divisor) {
        guard let election else {
            return unsafe cnk_add_weighted(
                elements(0).pointer, stride, weights, weights.count, merged.pointer, count)
        }
        let elections: cnk_election =
            switch election {
            case .weighted: CNK_ELECTION_WEIGHTED
            case .total: CNK_ELECTION_TOTAL
            case .frequency: CNK_ELECTION_FREQUENCY
            }
        let divisors: cnk_divisor =
            switch divisor {
            case .none: CNK_DIVISOR_NONE
            case .weights: CNK_DIVISOR_WEIGHTS
            case .count: CNK_DIVISOR_COUNT
            }
        unsafe cnk_add_elected(
            elements(0).pointer, stride, weights, weights.count, merged.pointer, count, elections, divisors)
    }
}
