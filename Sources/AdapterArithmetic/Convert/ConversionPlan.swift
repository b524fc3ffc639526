import Adapters
import LinearAlgebra
import Tensors

/// How the low-rank update of one module changes its type.
struct ConversionPlan: ModuleComputation {
    /// The module's name.
    let name: String
    /// What messages call the adapter.
    let label: String
    /// The update to convert.
    let update: LowRankUpdate
    /// The type of the result's factors.
    let dtype: DType
    /// The powers of two in the result's factors.
    let exponents: ScalingExponents
    /// How the update splits into products.
    let layout: SliceLayout

    var elementCount: Int { 2 * update.parameterCount }

    /// Whether a factor stays as it is.
    static func keeps(_ factor: Tensor, as dtype: DType) -> Bool {
        factor.dtype == dtype || !factor.dtype.isFloatingPoint
    }

    /// The converted update, whose factors the engine computes.
    func update(from engine: ComputationEngine, index: Int) throws -> LowRankUpdate {
        func factor(_ tensor: Tensor, _ side: ComputedFactor.Side) -> Tensor {
            guard !ConversionPlan.keeps(tensor, as: dtype) else { return tensor }
            return Tensor(
                dtype: dtype, shape: tensor.shape, source: ComputedFactor(engine: engine, plan: index, side: side))
        }
        let alpha = update.alpha * Double(sign: .plus, exponent: -exponents.sum, significand: 1)
        guard alpha * Double(sign: .plus, exponent: exponents.sum, significand: 1) == update.alpha else {
            throw ArithmeticError(
                .overflow,
                "Unable to convert the module '\(name)': its alpha \(update.alpha) times 2 to the \(-exponents.sum) "
                    + "exceeds binary64. Use --dtype f32 or bf16.", module: name)
        }
        return try LowRankUpdate(
            kind: update.kind, a: factor(update.a, .a), b: factor(update.b, .b), rank: update.rank, alpha: alpha,
            scalingRule: update.scalingRule)
    }

    /// Rounds the factors and compares the products.
    func computed() throws -> ComputedModule {
        let inner = update.rank / update.groupCount
        guard layout.fitsMemory(inner: inner, storesAll: true) else {
            throw ArithmeticError(
                .limitExceeded,
                "Unable to convert the module '\(name)': \(layout.count) times rank \(inner) for a weight of "
                    + "\(layout.rows) × \(layout.columns) is too much to compute with.", module: name)
        }
        return try ArithmeticError.describing(
            "convert", module: name, overflowRemedy: "Use --dtype bf16 or f32.", dtype: dtype
        ) {
            let a = try rounded(update.a, exponents.a)
            let b = try rounded(update.b, exponents.b)
            let stored = (
                a: try a.map { try Tensor(dtype: dtype, shape: update.a.shape, bytes: $0) } ?? update.a,
                b: try b.map { try Tensor(dtype: dtype, shape: update.b.shape, bytes: $0) } ?? update.b
            )
            let losses = try (0..<layout.count).map { try loss(ofSlice: $0, inner, stored.a, stored.b) }
            return ComputedModule(
                a: a ?? [], b: b ?? [], certificate: Loss.certificate(losses, name: name, rank: update.rank))
        }
    }

    /// A factor's bytes in the new type; nil when it is kept.
    private func rounded(_ factor: Tensor, _ exponent: Int) throws -> [UInt8]? {
        guard !ConversionPlan.keeps(factor, as: dtype) else { return nil }
        let power = Double(sign: .plus, exponent: exponent, significand: 1)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(dtype.byteCount(ofElements: factor.shape.elementCount))
        for piece in factor.pieces {
            bytes += try Rounding.bytes(try factor.doubles(in: piece).map { $0 * power }, dtype)
        }
        return bytes
    }

    private func loss(ofSlice slice: Int, _ inner: Int, _ storedA: Tensor, _ storedB: Tensor) throws -> Loss {
        func values(_ tensor: Tensor, _ name: String, _ exponent: Int = 0) throws -> [Double] {
            let count = tensor.shape.elementCount / layout.count
            let values = try tensor.doubles(in: slice * count..<(slice + 1) * count)
            try ArithmeticError.requireFinite(values, verb: "convert", label: label, module: self.name, tensor: name)
            guard exponent != 0 else { return values }
            let power = Double(sign: .plus, exponent: -exponent, significand: 1)
            return values.map { $0 * power }
        }
        func pair(_ a: [Double], _ b: [Double]) throws -> FactorPair {
            FactorPair(
                b: try Matrix(rows: layout.rows, columns: inner, rowMajor: b),
                aTransposed: try Matrix(rows: layout.columns, columns: inner, columnMajor: a))
        }
        let (a, b) = (try values(update.a, "A"), try values(update.b, "B"))
        let stored = (a: try values(storedA, "A", exponents.a), b: try values(storedB, "B", exponents.b))
        let exact = try pair(a, b)
        let distance = try exact.distance(
            toStored: pair(stored.a, stored.b),
            residual: pair(zip(a, stored.a).map { $0 - $1 }, zip(b, stored.b).map { $0 - $1 }))
        let scaling = update.scaling.magnitude
        return Loss(deltaNorm: scaling * (try exact.norm()), roundingError: scaling * distance)
    }
}
