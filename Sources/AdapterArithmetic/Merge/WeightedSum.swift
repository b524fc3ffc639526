import Tensors

/// The sum of tensors of one shape, each with a coefficient, over a divisor; computed where it is read, rounded once.
struct WeightedSum: TensorSource {
    struct Term: Sendable {
        let label: String
        let tensor: Tensor
        let coefficient: Double
    }

    /// The summands, at least one, all of the same shape.
    let terms: [Term]
    /// What the sum is divided by.
    let divisor: Double
    /// The type of the result.
    let dtype: DType
    /// The module and the tensor for messages.
    let module: String
    let name: String

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        let size = dtype.byteCount
        // Whole elements around the range.
        let elements = range.lowerBound / size..<(range.upperBound + size - 1) / size
        var sum = [Double](repeating: 0, count: elements.count)
        for term in terms {
            let values = try term.tensor.doubles(in: elements)
            try ArithmeticError.requireFinite(values, label: term.label, module: module, tensor: "the tensor '\(name)'")
            for (index, value) in values.enumerated() { sum[index] += term.coefficient * value }
        }
        for index in sum.indices { sum[index] /= divisor }
        do {
            guard sum.allSatisfy(\.isFinite) else { throw TensorError(.overflow, "") }
            let bytes = try Rounding.bytes(sum, dtype)
            let start = range.lowerBound - elements.lowerBound * size
            return Array(bytes[start..<start + range.count])
        } catch let error as TensorError where error.code == .overflow {
            throw ArithmeticError(
                .overflow,
                "Unable to merge the tensor '\(name)' of the module '\(module)': a value exceeds the range of \(dtype). "
                    + "Use --dtype f32 or smaller weights.", module: module)
        }
    }

    /// The sum as a tensor.
    var tensor: Tensor { Tensor(dtype: dtype, shape: terms[0].tensor.shape, source: self) }
}
