import Adapters
import ByteCoding
import Tensors

/// The tensors of one module in a kohya file, and the low-rank update they stand for.
///
/// LoRA and LoCon are taken as they are. A Tucker core is multiplied into A. LoHa, (X₁Y₁)∘(X₂Y₂), and LoKr, X⊗Y, have
/// exact low-rank forms, see ``RowProducts``; their products are rounded to `f32` once.
struct KohyaModule {
    /// The name in the file.
    let name: String
    /// The tensors by what they are.
    var tensors: [String: Tensor] = [:]
    /// The scalar `alpha`; nil when the file has none.
    var alpha: Double?

    /// Exact factors before they are rounded.
    struct Factors {
        let b: any RowValues
        let a: any RowValues
        /// The scaling of their product.
        let scale: Double
        /// What ΔW is a product of, for its norm.
        let product: ProductNorm
    }

    /// The update, and the factors it was computed from when it was not taken as it is.
    ///
    /// - Parameter shape: the extents of the module's weight; nil when the base model is not known.
    /// - Throws: ``InterchangeError`` with code `unsupportedMethod`, `missingTensor` or `invalidTensors`.
    func update(shape: [Int]?) throws -> (update: LowRankUpdate, factors: Factors?) {
        let names = Set(tensors.keys)
        func has(_ all: [String], optional: [String] = []) -> Bool {
            Set(all).isSubset(of: names) && names.isSubset(of: all + optional)
        }
        if has(["lora_up.weight", "lora_down.weight"]) { return (try plain(), nil) }
        if has(["lora_up.weight", "lora_down.weight", "lora_mid.weight"]) { return try computed(tucker(), shape) }
        if has(["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"], optional: ["hada_t1", "hada_t2"]) {
            return try computed(hadamard(), shape)
        }
        let kronecker = ["lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"]
        if !names.isDisjoint(with: kronecker), names.isSubset(of: kronecker) {
            return try computed(self.kronecker(), shape)
        }
        let other = names.sorted().first { name in
            !name.hasPrefix("lora_") && !name.hasPrefix("hada_") && !name.hasPrefix("lokr_")
        }
        if let other {
            throw InterchangeError(
                .unsupportedMethod, "the tensor '\(self.name).\(other)' is neither of LoRA, LoCon, LoHa nor LoKr",
                remedy: other == "dora_scale"
                    ? "Give it up with --drop dora, or keep the file in its own layout." : "", name: self.name)
        }
        throw InterchangeError(
            .missingTensor, "the module '\(self.name)' has \(names.sorted().joined(separator: ", ")) and nothing else",
            name: self.name)
    }

    private func invalid(_ reason: String) -> InterchangeError {
        let shapes = tensors.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.shape)" }.joined(separator: ", ")
        return InterchangeError(.invalidTensors, "in the module '\(name)' \(reason): \(shapes)", name: name)
    }

    private func tensor(_ suffix: String, rank: Int? = nil) throws -> Tensor {
        guard let tensor = tensors[suffix] else {
            throw InterchangeError(.missingTensor, "the tensor '\(name).\(suffix)' is missing", name: name)
        }
        guard tensor.dtype.isFloatingPoint else { throw invalid("numbers are not floating-point") }
        guard rank.map({ $0 == tensor.shape.rank }) ?? (tensor.shape.rank >= 2), tensor.shape.elementCount > 0 else {
            throw invalid("a tensor has the wrong number of dimensions, or no values")
        }
        return tensor
    }

    private func scale(rank: Int) -> Double {
        // Trainers take a missing or zero alpha for the rank.
        guard let alpha, alpha != 0 else { return 1 }
        return alpha / Double(rank)
    }

    private func plain() throws -> LowRankUpdate {
        let (down, up) = (try tensor("lora_down.weight"), try tensor("lora_up.weight"))
        let rank = down.shape[0]
        let alpha = alpha.flatMap { $0 == 0 ? nil : $0 } ?? Double(rank)
        return try make(down.shape.rank == 2 ? .linear : .convolution, a: down, b: up, rank: rank, alpha: alpha)
    }

    private func make(_ kind: WeightKind, a: Tensor, b: Tensor, rank: Int, alpha: Double) throws -> LowRankUpdate {
        do {
            return try LowRankUpdate(kind: kind, a: a, b: b, rank: rank, alpha: alpha, scalingRule: .alphaOverRank)
        } catch let error as AdapterError {
            throw invalid(error.reason)
        }
    }

    /// Makes the update of exact factors. The base model's shape bounds what a small file can grow to.
    private func computed(_ factors: Factors, _ shape: [Int]?) throws -> (LowRankUpdate, Factors?) {
        guard let shape else {
            throw InterchangeError(
                .baseNeeded, "the module '\(name)' is given as a product, whose shape the base model decides",
                remedy: "Name the base model with --base DIR.", name: name)
        }
        let rank = factors.a.rowCount
        guard shape.count >= 2, factors.b.rowCount == shape[0], factors.b.columnCount == rank,
            factors.a.columnCount == shape.dropFirst().reduce(1, { $0.checkedMultiply($1) ?? 0 })
        else { throw invalid("the product does not have the shape \(shape) of the base model") }
        guard rank <= LowRankUpdate.maximumRank, let aShape = Shape([rank] + shape.dropFirst()),
            let bShape = Shape([shape[0], rank] + shape.dropFirst(2).map { _ in 1 })
        else { throw invalid("the product has the rank \(rank), at most \(LowRankUpdate.maximumRank) are possible") }
        let update = try make(
            shape.count == 2 ? .linear : .convolution, a: RoundedRows.tensor(factors.a, shape: aShape),
            b: RoundedRows.tensor(factors.b, shape: bShape), rank: rank,
            alpha: factors.scale * Double(rank))
        return (update, factors)
    }

    /// up · core · down, the core multiplied into A.
    private func tucker() throws -> Factors {
        let (down, up) = (try tensor("lora_down.weight"), try tensor("lora_up.weight"))
        let core = try tensor("lora_mid.weight")
        let rank = down.shape[0]
        guard core.shape.rank >= 3, core.shape[1] == rank, up.shape[1] == core.shape[0],
            down.shape.elementCount == rank * down.shape[1], up.shape.elementCount == up.shape[0] * up.shape[1]
        else { throw invalid("the tensors do not fit each other") }
        let a = TuckerRows(core: core, factor: try down.reshaped([rank, down.shape[1]]))
        let b = TensorRows(try up.reshaped([up.shape[0], up.shape[1]]))
        return Factors(b: b, a: a, scale: scale(rank: rank), product: .matrix(b, a))
    }

    private func hadamard() throws -> Factors {
        func pair(_ index: Int) throws -> (x: any RowValues, y: any RowValues, rank: Int) {
            let (first, second) = (try tensor("hada_w\(index)_a", rank: 2), try tensor("hada_w\(index)_b", rank: 2))
            guard tensors["hada_t\(index)"] != nil else {
                guard first.shape[1] == second.shape[0] else { throw invalid("the tensors do not fit each other") }
                return (TensorRows(first), TensorRows(second), second.shape[0])
            }
            let core = try tensor("hada_t\(index)")
            guard core.shape.rank >= 3, core.shape[0] == first.shape[0], core.shape[1] == second.shape[0] else {
                throw invalid("the tensors do not fit each other")
            }
            return (TransposedRows(tensor: first), TuckerRows(core: core, factor: second), second.shape[0])
        }
        let (one, two) = (try pair(1), try pair(2))
        guard one.x.rowCount == two.x.rowCount, one.y.columnCount == two.y.columnCount,
            (tensors["hada_t1"] == nil) == (tensors["hada_t2"] == nil)
        else { throw invalid("the tensors do not fit each other") }
        try check(ranks: one.y.rowCount, two.y.rowCount)
        return Factors(
            b: RowProducts(left: one.x, right: two.x, pairing: .equalIndices, product: .outer),
            a: RowProducts(left: one.y, right: two.y, pairing: .allPairs, product: .elementwise),
            scale: scale(rank: one.rank), product: .hadamard((one.x, one.y), (two.x, two.y)))
    }

    private func kronecker() throws -> Factors {
        /// A matrix as a product X·Y, one of which is the unit matrix where it is not factored.
        func pair(_ index: Int) throws -> (x: any RowValues, y: any RowValues, rank: Int?) {
            if tensors["lokr_w\(index)"] != nil {
                let whole = TensorRows(try tensor("lokr_w\(index)"))
                return whole.rowCount <= whole.columnCount
                    ? (UnitRows(rowCount: whole.rowCount), whole, nil)
                    : (whole, UnitRows(rowCount: whole.columnCount), nil)
            }
            let (first, second) = (try tensor("lokr_w\(index)_a", rank: 2), try tensor("lokr_w\(index)_b", rank: 2))
            guard index == 2, tensors["lokr_t2"] != nil else {
                guard first.shape[1] == second.shape[0] else { throw invalid("the tensors do not fit each other") }
                return (TensorRows(first), TensorRows(second), second.shape[0])
            }
            let core = try tensor("lokr_t2")
            guard core.shape.rank >= 3, core.shape[0] == first.shape[0], core.shape[1] == second.shape[0] else {
                throw invalid("the tensors do not fit each other")
            }
            return (TransposedRows(tensor: first), TuckerRows(core: core, factor: second), second.shape[0])
        }
        let isWhole = (1...2).map { tensors["lokr_w\($0)"] != nil }
        for (index, whole) in isWhole.enumerated() where whole {
            guard tensors["lokr_w\(index + 1)_a"] == nil, tensors["lokr_w\(index + 1)_b"] == nil,
                index == 0 || tensors["lokr_t2"] == nil
            else { throw invalid("a factor is given whole and as a product") }
        }
        let (one, two) = (try pair(1), try pair(2))
        try check(ranks: one.y.rowCount, two.y.rowCount)
        // Where neither factor is a product there is no trained rank, and LyCORIS scales by 1 whatever alpha says.
        let trainedRank = one.rank ?? two.rank
        return Factors(
            b: RowProducts(left: one.x, right: two.x, pairing: .allPairs, product: .outer),
            a: RowProducts(left: one.y, right: two.y, pairing: .allPairs, product: .outer),
            scale: trainedRank.map(scale(rank:)) ?? 1, product: .kronecker((one.x, one.y), (two.x, two.y)))
    }

    private func check(ranks one: Int, _ two: Int) throws {
        guard let rank = one.checkedMultiply(two), rank <= LowRankUpdate.maximumRank else {
            throw invalid("the product has a rank beyond \(LowRankUpdate.maximumRank)")
        }
    }
}
