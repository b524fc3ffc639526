package import AdapterInterchange
internal import Tensors

/// A weight of the base model, [out, in], read in place from its file and made wider panel by panel.
package struct FrozenMatrix<Element: ComputeElement>: Sendable {
    /// The rows of a panel that a product reads at a time.
    package static var panelRows: Int { 1024 }

    private let tensor: MappedTensor
    /// The number of rows, the outputs.
    package let rows: Int
    /// The number of columns, the inputs.
    package let columns: Int

    /// - Throws: ``TrainingError`` with code `unsupportedModel` when the elements are not f32, f16 or bf16.
    package init(_ tensor: MappedTensor, name: String) throws {
        guard [.f32, .f16, .bf16].contains(tensor.dtype) else {
            throw TrainingError(
                .unsupportedModel,
                "The tensor '\(name)' has elements of type \(tensor.dtype); f32, f16 and bf16 are supported.")
        }
        let isAligned = unsafe tensor.withUnsafeBytes {
            UInt(bitPattern: $0.baseAddress) % UInt(tensor.dtype.byteCount) == 0
        }
        guard isAligned || tensor.byteCount == 0 else {
            throw TrainingError(
                .unsupportedModel,
                "The tensor '\(name)' does not begin at a multiple of its element size. Save the model again.")
        }
        self.tensor = tensor
        columns = tensor.shape.extents.last ?? 1
        rows = tensor.shape.elementCount / max(1, columns)
    }

    /// Writes a part of the matrix to the start of `scratch` and gives the part.
    package func panel(
        _ rowRange: Range<Int>, _ columnRange: Range<Int>, in scratch: MatrixView<Element>
    ) -> MatrixView<Element> {
        precondition(rowRange.upperBound <= rows && columnRange.upperBound <= columns, "outside the matrix")
        precondition(scratch.columns >= rowRange.count * columnRange.count, "the panel does not fit")
        let panel = unsafe MatrixView(base: scratch.row(0), rows: rowRange.count, columns: columnRange.count)
        let size = tensor.dtype.byteCount
        unsafe tensor.withUnsafeBytes { bytes in
            if columnRange.count == columns {
                let range = rowRange.lowerBound * columns * size..<rowRange.upperBound * columns * size
                return unsafe Element.widen(
                    UnsafeRawBufferPointer(rebasing: bytes[range]), tensor.dtype, into: panel.base)
            }
            for (index, row) in rowRange.enumerated() {
                let start = (row * columns + columnRange.lowerBound) * size
                unsafe Element.widen(
                    UnsafeRawBufferPointer(rebasing: bytes[start..<start + columnRange.count * size]), tensor.dtype,
                    into: panel.row(index))
            }
        }
        return panel
    }

    /// Whether products can take the elements as they are, see ``ComputeElement/multipliesRounded``.
    package var isHalf: Bool { tensor.dtype == .bf16 && rows % 2 == 0 && columns % 2 == 0 }

    /// y = x · (some rows of the matrix)ᵀ, or y += when asked to.
    ///
    /// - Parameter rounded: x as bfloat16, for products of rounded factors.
    package func multiply(
        _ x: MatrixView<Element>, rounded: MatrixView<UInt16>?, byRows part: Range<Int>, adding: Bool,
        to y: MatrixView<Element>, scratch: MatrixView<Element>
    ) {
        if let rounded, isHalf {
            pack(part, 0..<columns, transposed: true, into: scratch)
            Element.multiplyRounded(rounded, packed: scratch, inner: columns, adding: adding, to: y)
        } else {
            let panel = panel(part, 0..<columns, in: scratch)
            Element.multiply(1, x, transposed: false, panel, transposed: true, adding: adding ? 1 : 0, to: y)
        }
    }

    /// y = x · (some columns of the matrix), or y += when asked to.
    package func multiply(
        _ x: MatrixView<Element>, rounded: MatrixView<UInt16>?, byColumns part: Range<Int>, adding: Bool,
        to y: MatrixView<Element>, scratch: MatrixView<Element>
    ) {
        for start in stride(from: 0, to: rows, by: Self.panelRows) {
            let inner = start..<min(start + Self.panelRows, rows)
            if let rounded, isHalf {
                pack(inner, part, transposed: false, into: scratch)
                Element.multiplyRounded(
                    rounded.columns(inner), packed: scratch, inner: inner.count, adding: adding || start > 0, to: y)
            } else {
                let panel = panel(inner, part, in: scratch)
                Element.multiply(
                    1, x.columns(inner), transposed: false, panel, transposed: false,
                    adding: adding || start > 0 ? 1 : 0, to: y)
            }
        }
    }

    private func pack(
        _ rowRange: Range<Int>, _ columnRange: Range<Int>, transposed: Bool, into scratch: MatrixView<Element>
    ) {
        precondition(rowRange.upperBound <= rows && columnRange.upperBound <= columns, "outside the matrix")
        unsafe tensor.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            let start = unsafe base.assumingMemoryBound(to: UInt16.self) + rowRange.lowerBound * columns
            unsafe Element.pack(
                start + columnRange.lowerBound, stride: columns,
                outer: transposed ? rowRange.count : columnRange.count,
                inner: transposed ? columnRange.count : rowRange.count, transposed: transposed, into: scratch)
        }
    }

    /// All elements in `target`, which has as many.
    package func copy(to target: MatrixView<Element>) {
        for row in 0..<rows {
            _ = panel(row..<row + 1, 0..<columns, in: target.rows(row..<row + 1))
        }
    }
}
