import Adapters
import Tensors

/// The elements of one slice of one input's factors.
struct TermSlice {
    /// The rows of A, which are the columns of B.
    let inner: Int
    /// A as it is stored, row by row: inner × columns.
    let storedA: ElementRun
    /// B as it is stored, row by row: rows × inner.
    let storedB: ElementRun

    /// A's elements.
    var a: [Double] { storedA.doubles }
    /// B's elements.
    var b: [Double] { storedB.doubles }

    /// Reads one slice of every term; all at once, which is less work where bytes are verified.
    ///
    /// - Throws: ``ArithmeticError`` with code `nonFinite`, and what reading throws.
    static func read(_ slice: Int, of module: ModuleTerms) throws -> [TermSlice] {
        let reads = module.terms.flatMap { [$0.update.a, $0.update.b] }.map { factor in
            let count = factor.shape.elementCount / module.layout.count
            return (factor, slice * count..<(slice + 1) * count)
        }
        let elements = try Tensor.elements(of: reads)
        return try module.terms.enumerated().map { index, term in
            let (a, b) = (elements[2 * index], elements[2 * index + 1])
            for (name, factor) in [("A", a), ("B", b)] where !factor.areFinite {
                try ArithmeticError.requireFinite(
                    factor.doubles, verb: module.verb, label: term.label, module: module.name, tensor: name)
            }
            return TermSlice(inner: term.update.rank / term.update.groupCount, storedA: a, storedB: b)
        }
    }

    /// Writes B's elements times a coefficient into the columns of a row-major matrix.
    func addB(to target: inout [Double], at column: Int, width: Int, _ coefficient: Double) {
        let (inner, b) = (inner, b)
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
