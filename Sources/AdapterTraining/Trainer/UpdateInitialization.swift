internal import LinearAlgebra
internal import Tensors

/// How A and B begin. Numbers follow from the seed and the layer's path alone.
public enum UpdateInitialization: String, Sendable, CaseIterable {
    /// A uniform in ±1/√in, B zero: PEFT's default.
    case kaiming
    /// A normal with standard deviation 1/r, B zero.
    case gaussian
    /// A and B from odd and even rows of an orthogonal matrix, so that B·A is zero though neither is.
    case orthogonal
    /// The largest singular values of the weight (PiSSA, arXiv 2404.02948).
    case pissa
    /// The first columns of the weight's QR factorisation (OLoRA, arXiv 2406.01775).
    case olora
    /// A from the directions in which the layer's inputs vary most, B zero (EVA, arXiv 2410.07170).
    case eva

    /// Whether B·A is not zero at the beginning. What it is then is taken off as a frozen update, so that the base model
    /// stays as it is, and the adapter is written with both.
    var needsAnchor: Bool { self == .pissa || self == .olora }

    /// A and B of an update, row by row.
    struct Factors {
        var a: [Double]
        var b: [Double]
    }

    /// The factors of an update before the first step.
    ///
    /// - Parameter directions: for `eva`, the directions of the layer's inputs, row by row, at least `rank` of them.
    /// - Throws: ``TrainingError`` with code `invalidSetting` when the rank does not suit; `LinearAlgebraError`.
    func factors(
        of specification: UpdateSpecification, _ weight: FrozenMatrix<Float>, seed: UInt64, directions: [Double]?
    ) throws -> Factors {
        let (rank, inputs, outputs) = (specification.rank, specification.inputCount, specification.outputCount)
        var random = CounterBasedRandom(seed: seed, name: specification.name)
        let zeros = [Double](repeating: 0, count: outputs * rank)
        switch self {
        case .kaiming:
            let bound = 1 / Double(inputs).squareRoot()
            return Factors(a: (0..<rank * inputs).map { _ in (2 * random.uniform() - 1) * bound }, b: zeros)
        case .gaussian:
            return Factors(a: (0..<rank * inputs).map { _ in random.normal() / Double(rank) }, b: zeros)
        case .orthogonal: return try orthogonal(specification, &random)
        case .eva:
            guard let directions, directions.count >= rank * inputs else {
                throw TrainingError(
                    .invalidSetting,
                    "Unable to begin '\(specification.name)' with \(rank) directions of its inputs: there are fewer.")
            }
            return Factors(a: Array(directions.prefix(rank * inputs)), b: zeros)
        case .pissa:
            let leading = try LeadingSingularValues(weight.matrix(), count: rank, &random)
            let roots = leading.values.map { ($0 / abs(specification.scaling)).squareRoot() }
            // A negative scaling would need an imaginary root; the sign goes to B.
            let signed = roots.map { specification.scaling < 0 ? -$0 : $0 }
            let b = try leading.u.scalingColumns(by: signed)
            let a = try leading.vTransposed.transposed().scalingColumns(by: roots).transposed()
            return Factors(a: a.rowMajor, b: b.rowMajor)
        case .olora:
            let matrix = try weight.matrix()
            // The first columns of Q depend on the first columns of the weight alone.
            let q = try matrix.columns(0..<rank).qrFactorization().q
            return Factors(a: try q.product(matrix, transposingSelf: true).rowMajor, b: q.rowMajor)
        }
    }

    private func orthogonal(_ specification: UpdateSpecification, _ random: inout CounterBasedRandom) throws -> Factors
    {
        let rank = specification.rank
        guard rank % 2 == 0 else {
            throw TrainingError(
                .invalidSetting,
                "Unable to begin '\(specification.name)' orthogonally with rank \(rank): an even rank is needed.")
        }
        func normal(_ rows: Int, _ columns: Int) throws -> Matrix {
            try Matrix(rows: rows, columns: columns, columnMajor: (0..<rows * columns).map { _ in random.normal() })
        }
        let q = try normal(rank, rank).qrFactorization().q
        func rows(_ first: Int) throws -> Matrix {
            try Matrix.vertically(stride(from: first, to: rank, by: 2).map { q.rows($0..<$0 + 1) })
        }
        let a = try rows(0).product(normal(rank / 2, specification.inputCount), transposingSelf: true)
        let b = try normal(specification.outputCount, rank / 2).product(rows(1))
        return Factors(a: a.scaled(by: 0.1).rowMajor, b: b.scaled(by: 0.1).rowMajor)
    }
}

extension FrozenMatrix where Element == Float {
    /// The whole matrix in binary64.
    func matrix() throws -> Matrix {
        var arena: MatrixView<Float>?
        let memory = try Arena<Float>({ $0.matrix(rows, columns) }, result: &arena)
        return try withExtendedLifetime(memory) {
            guard let view = arena else { throw TrainingError(.outOfMemory, "Unable to lay out a weight.") }
            copy(to: view)
            return try Matrix(rows: rows, columns: columns, rowMajor: view.elements.map { Double($0) })
        }
    }
}
