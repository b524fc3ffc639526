import LinearAlgebra

/// Merges small matrices that are held in memory.
struct CoreElements {
    let module: ModuleTerms
    let slice: Int

    /// The merged matrix.
    ///
    /// - Parameters:
    ///   - matrices: one for each term, all of one shape.
    ///   - rule: the method on their elements, in binary32.
    func merged(_ matrices: [Matrix], by rule: any ElementRule) throws -> Matrix {
        let (rows, columns) = (matrices[0].rows, matrices[0].columns)
        guard rows > 0, columns > 0 else { return matrices[0] }
        let source = StoredElements(
            rows: rows, columns: columns, matrices: matrices.map { FloatBuffer(rounding: $0.rowMajor) })
        let elements = Elements(
            grid: ElementGrid(source), weights: module.terms.map { Float($0.weight) },
            inputCount: module.weights.count, masks: MaskKeys(module: module, slice: slice, domain: .core))
        return try Matrix(
            rows: rows, columns: columns, rowMajor: try MergedElements(rule, of: elements).collected().doubles)
    }
}
