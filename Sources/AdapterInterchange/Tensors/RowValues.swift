import ByteCoding
import Tensors

/// A matrix whose rows are computed in double precision when they are asked for.
protocol RowValues: Sendable {
    /// The number of rows.
    var rowCount: Int { get }
    /// The number of values in a row.
    var columnCount: Int { get }
    /// The values of a row that exists.
    func row(_ index: Int) throws -> [Double]
}

/// The rows of a tensor, its first dimension against all others.
struct TensorRows: RowValues {
    let tensor: Tensor
    let rowCount: Int
    let columnCount: Int

    /// The tensor has at least one dimension.
    init(_ tensor: Tensor) {
        self.tensor = tensor
        rowCount = tensor.shape[0]
        columnCount = rowCount == 0 ? 0 : tensor.shape.elementCount / rowCount
    }

    func row(_ index: Int) throws -> [Double] {
        try tensor.doubles(in: index * columnCount..<(index + 1) * columnCount)
    }
}

/// The rows of the unit matrix.
struct UnitRows: RowValues {
    let rowCount: Int
    var columnCount: Int { rowCount }

    func row(_ index: Int) -> [Double] {
        var row = [Double](repeating: 0, count: rowCount)
        row[index] = 1
        return row
    }
}

/// The rows Σⱼ core[i, j, …] · factor[j, :] of a Tucker decomposition: row i holds, for each column of the factor, the
/// values of the core's inner dimensions (a convolution's kernel).
struct TuckerRows: RowValues {
    let core: Tensor
    let factor: Tensor
    let kernelCount: Int

    /// The core is [r, j, k…], the factor [j, n].
    init(core: Tensor, factor: Tensor) {
        self.core = core
        self.factor = factor
        let rows = core.shape[0] * core.shape[1]
        kernelCount = rows == 0 ? 0 : core.shape.elementCount / rows
    }

    var rowCount: Int { core.shape[0] }
    var columnCount: Int { factor.shape[1] * kernelCount }

    func row(_ index: Int) throws -> [Double] {
        let (inner, columns) = (factor.shape[0], factor.shape[1])
        let slice = try core.doubles(in: index * inner * kernelCount..<(index + 1) * inner * kernelCount)
        let factors = try factor.doubles()
        var row = [Double](repeating: 0, count: columns * kernelCount)
        for j in 0..<inner {
            for column in 0..<columns {
                let weight = factors[j * columns + column]
                for k in 0..<kernelCount { row[column * kernelCount + k] += slice[j * kernelCount + k] * weight }
            }
        }
        return row
    }
}

/// The transpose of a small matrix, whose values are read whole for each row.
struct TransposedRows: RowValues {
    let tensor: Tensor

    var rowCount: Int { tensor.shape[1] }
    var columnCount: Int { tensor.shape[0] }

    func row(_ index: Int) throws -> [Double] {
        let values = try tensor.doubles()
        return (0..<columnCount).map { values[$0 * rowCount + index] }
    }
}

/// Products of the rows of two matrices.
///
/// A Hadamard product (X₁Y₁)∘(X₂Y₂) is B·A with B the row-wise outer products of X₁ and X₂, and A all products of a row
/// of Y₁ with a row of Y₂ (the Khatri–Rao product). A Kronecker product (X₁Y₁)⊗(X₂Y₂) is (X₁⊗X₂)·(Y₁⊗Y₂), whose rows are
/// outer products of all pairs of rows.
struct RowProducts: RowValues {
    /// Which rows are multiplied.
    enum Pairing { case equalIndices, allPairs }
    /// How two rows become one.
    enum Product { case elementwise, outer }

    let left: any RowValues
    let right: any RowValues
    let pairing: Pairing
    let product: Product

    var rowCount: Int { pairing == .equalIndices ? left.rowCount : left.rowCount * right.rowCount }
    var columnCount: Int {
        // Beyond every size that a base model has, where two hostile counts do not fit.
        product == .elementwise ? left.columnCount : left.columnCount.checkedMultiply(right.columnCount) ?? .max
    }

    func row(_ index: Int) throws -> [Double] {
        let indices =
            pairing == .equalIndices ? (index, index) : (index / right.rowCount, index % right.rowCount)
        let (first, second) = (try left.row(indices.0), try right.row(indices.1))
        guard product == .outer else { return zip(first, second).map { $0 * $1 } }
        var row: [Double] = []
        row.reserveCapacity(columnCount)
        for value in first {
            for other in second { row.append(value * other) }
        }
        return row
    }
}

/// Computed rows as a tensor of `f32`, each value rounded once.
struct RoundedRows: TensorSource {
    let values: any RowValues

    /// A tensor of that shape, which has as many elements.
    static func tensor(_ values: any RowValues, shape: Shape) -> Tensor {
        Tensor(dtype: .f32, shape: shape, source: RoundedRows(values: values))
    }

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let rowByteCount = values.columnCount * DType.f32.byteCount
        let rows = range.lowerBound / rowByteCount...(range.upperBound - 1) / rowByteCount
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count * rowByteCount)
        for row in rows { bytes += try Rounding.bytes(values.row(row), .f32) }
        let skipped = range.lowerBound - rows.lowerBound * rowByteCount
        return bytes.count == range.count ? bytes : Array(bytes[skipped..<skipped + range.count])
    }
}
