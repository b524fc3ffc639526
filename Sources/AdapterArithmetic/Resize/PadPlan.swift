import Adapters
import LinearAlgebra
import Tensors

/// How the low-rank update of one module gets more zeros.
struct PadPlan: ModuleComputation {
    private let name: String
    private let label: String
    /// The update, in a type without blocks.
    private let update: LowRankUpdate
    private let rank: Int
    private let alpha: Double
    private let layout: SliceLayout

    var elementCount: Int { 2 * update.parameterCount }

    /// - Throws: ``ArithmeticError`` with code `invalidOption`, `overflow` or `limitExceeded`.
    init(name: String, update: LowRankUpdate, rank: Int, label: String) throws {
        func invalid(_ reason: String) -> ArithmeticError {
            ArithmeticError(.invalidOption, "Unable to pad '\(label)': \(reason)", module: name)
        }
        guard rank >= update.rank else {
            throw invalid(
                "its module '\(name)' has rank \(update.rank), which is more than \(rank). Use a larger --rank, or resize "
                    + "it first.")
        }
        guard rank % update.groupCount == 0 else {
            throw invalid(
                "its module '\(name)' is a convolution in \(update.groupCount) groups, of which \(rank) is no multiple."
            )
        }
        self.name = name
        self.label = label
        self.update = try LowRankUpdate(
            kind: update.kind, a: PadPlan.withoutBlocks(update.a), b: PadPlan.withoutBlocks(update.b),
            rank: update.rank,
            alpha: update.alpha, scalingRule: update.scalingRule)
        self.rank = rank
        alpha = PadPlan.alpha(keeping: update, rank: rank)
        layout = try SliceLayout(update, module: name)
        guard alpha.isFinite else {
            throw ArithmeticError(
                .overflow, "Unable to pad the module '\(name)': its alpha for rank \(rank) exceeds binary64.",
                module: name)
        }
        guard layout.fitsMemory(inner: rank / update.groupCount, storesAll: true) else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to pad the module '\(name)': rank \(rank) for a weight of \(layout.rows) × \(layout.columns) is too "
                    + "much.", module: name)
        }
    }

    private static func withoutBlocks(_ factor: Tensor) -> Tensor {
        factor.dtype.block.elementCount == 1 ? factor : factor.rounded(to: .f32)
    }

    /// The alpha that gives another rank the same scaling, or the closest there is.
    ///
    /// Division rounds, so the neighbours of the product are tried; for some scalings no number gives exactly the same.
    static func alpha(keeping update: LowRankUpdate, rank: Int) -> Double {
        guard rank != update.rank else { return update.alpha }
        let scaling = update.scaling
        let product =
            switch update.scalingRule {
            case .alphaOverRank: scaling * Double(rank)
            case .alphaOverSquareRootOfRank: scaling * Double(rank).squareRoot()
            }
        func error(_ alpha: Double) -> Double {
            (update.scalingRule.scaling(alpha: alpha, rank: rank) - scaling).magnitude
        }
        return (product.isFinite ? [product.nextUp, product.nextDown] : []).reduce(product) {
            error($1) < error($0) ? $1 : $0
        }
    }

    /// The padded update, whose factors the engine computes.
    func update(from engine: ComputationEngine, index: Int) throws -> LowRankUpdate {
        guard rank != update.rank else { return update }
        let inner = rank / update.groupCount
        let a = update.shapes(rank: rank).a
        var b = update.shapes(rank: rank).b
        if update.groupCount > 1 { b[1] = inner }
        guard let aShape = Shape(a), let bShape = Shape(b) else {
            throw ArithmeticError(
                .limitExceeded, "Unable to pad the module '\(name)': rank \(rank) is too much.", module: name)
        }
        func factor(_ shape: Shape, _ dtype: DType, _ side: ComputedFactor.Side) -> Tensor {
            Tensor(dtype: dtype, shape: shape, source: ComputedFactor(engine: engine, plan: index, side: side))
        }
        return try LowRankUpdate(
            kind: update.kind, a: factor(aShape, update.a.dtype, .a), b: factor(bShape, update.b.dtype, .b), rank: rank,
            alpha: alpha, scalingRule: update.scalingRule)
    }

    func computed() throws -> ComputedModule {
        try ArithmeticError.describing("pad", module: name, overflowRemedy: "", dtype: update.b.dtype) {
            let (old, new) = (update.rank / update.groupCount, rank / update.groupCount)
            let (aSize, bSize) = (update.a.dtype.byteCount, update.b.dtype.byteCount)
            var (a, b): ([UInt8], [UInt8]) = ([], [])
            var norms: [Double] = []
            for slice in 0..<layout.count {
                let rows = try bytes(of: update.a, slice)
                let columns = try bytes(of: update.b, slice)
                norms.append(try norm(rows, columns, inner: old, slice))
                guard rank != update.rank else { continue }
                a += rows
                a += [UInt8](repeating: 0, count: (new - old) * layout.columns * aSize)
                for row in 0..<layout.rows {
                    b += columns[row * old * bSize..<(row + 1) * old * bSize]
                    b += [UInt8](repeating: 0, count: (new - old) * bSize)
                }
            }
            let norm = Matrix.norm(norms[...])
            let shift = update.scalingRule.scaling(alpha: alpha, rank: rank) - update.scaling
            return ComputedModule(
                a: a, b: b,
                certificate: ErrorCertificate.Module(
                    name: name, rank: rank, deltaNorm: update.scaling.magnitude * norm, truncationError: 0,
                    largestDroppedSingularValue: 0, roundingError: shift.magnitude * norm))
        }
    }

    private func bytes(of factor: Tensor, _ slice: Int) throws -> [UInt8] {
        let size = factor.byteCount / layout.count
        return try factor.bytes(in: slice * size..<(slice + 1) * size)
    }

    /// ‖B·A‖ of a slice.
    private func norm(_ a: [UInt8], _ b: [UInt8], inner: Int, _ slice: Int) throws -> Double {
        func values(_ bytes: [UInt8], _ dtype: DType, _ tensor: String) throws -> [Double] {
            let values = Widening.doubles(bytes, dtype)
            try ArithmeticError.requireFinite(values, verb: "pad", label: label, module: name, tensor: tensor)
            return values
        }
        return try FactorPair(
            b: Matrix(rows: layout.rows, columns: inner, rowMajor: values(b, update.b.dtype, "B")),
            aTransposed: Matrix(rows: layout.columns, columns: inner, columnMajor: values(a, update.a.dtype, "A"))
        ).norm()
    }
}
