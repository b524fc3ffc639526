import Adapters
import Tensors

/// The elements of one slice of one input's factors.
struct TermSlice {
    /// The rows of A, which are the columns of B.
    let inner: Int
    /// A, row by row: inner × columns.
    let a: [Double]
    /// B, row by row: rows × inner.
    let b: [Double]

    /// Reads a slice.
    ///
    /// - Throws: ``ArithmeticError`` with code `nonFinite`, and what reading throws.
    init(_ term: ModuleTerms.Term, _ slice: Int, of module: ModuleTerms) throws {
        inner = term.update.rank / term.update.groupCount
        a = try TermSlice.values(term.update.a, slice, module, term, "A")
        b = try TermSlice.values(term.update.b, slice, module, term, "B")
    }

    /// Writes B's elements times a coefficient into the columns of a row-major matrix.
    func addB(to target: inout [Double], at column: Int, width: Int, _ coefficient: Double) {
        let inner = inner
        unsafe b.withUnsafeBufferPointer { source in
            unsafe target.withUnsafeMutableBufferPointer { target in
                for row in 0..<source.count / max(1, inner) {
                    for index in 0..<inner {
                        unsafe target[row * width + column + index] = coefficient * source[row * inner + index]
                    }
                }
            }
        }
    }

    /// The bytes of one slice of a factor whose type has no blocks.
    static func bytes(_ tensor: Tensor, _ slice: Int, of module: ModuleTerms) throws -> [UInt8] {
        let size = tensor.byteCount / module.layout.count
        return try tensor.bytes(in: slice * size..<(slice + 1) * size)
    }

    private static func values(
        _ tensor: Tensor, _ slice: Int, _ module: ModuleTerms, _ term: ModuleTerms.Term, _ name: String
    ) throws -> [Double] {
        let count = tensor.shape.elementCount / module.layout.count
        let values = try tensor.doubles(in: slice * count..<(slice + 1) * count)
        try ArithmeticError.requireFinite(values, label: term.label, module: module.name, tensor: name)
        return values
    }
}

extension ArithmeticError {
    /// Throws when a value is infinite or not a number.
    static func requireFinite(
        _ values: [Double], verb: String = "merge", label: String, module: String, tensor: String
    ) throws {
        guard let value = values.first(where: { !$0.isFinite }) else { return }
        throw ArithmeticError(
            .nonFinite,
            "Unable to \(verb) '\(label)': \(tensor) of the module '\(module)' holds \(value). "
                + "Its training has diverged; use an earlier checkpoint.", module: module)
    }
}
