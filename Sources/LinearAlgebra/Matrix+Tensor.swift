package import Tensors

extension Matrix {
    /// The matrix with the elements of a two-dimensional tensor, exactly.
    package init(_ tensor: Tensor) throws {
        guard tensor.shape.rank == 2 else {
            throw LinearAlgebraError(
                .shapeMismatch, "Unable to take a tensor of shape \(tensor.shape) as a matrix: it needs two dimensions."
            )
        }
        try self.init(rows: tensor.shape[0], columns: tensor.shape[1], rowMajor: try tensor.doubles())
    }
}
