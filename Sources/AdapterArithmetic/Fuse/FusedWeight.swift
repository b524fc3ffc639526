import LinearAlgebra
import Tensors

/// A changed weight as a source of bytes: computed where it is read, in binary32, rounded once.
///
/// Every element is computed alone and in the same order, so any division into pieces gives the same bytes.
struct FusedWeight: TensorSource {
    let cache: FusedFactorsCache
    let index: Int

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let (change, factors) = try cache.factors(of: index)
        let size = change.dtype.byteCount
        // Whole elements around the range.
        let elements = range.lowerBound / size..<(range.upperBound - 1) / size + 1
        let bytes = try FusedWeight.bytes(of: elements, change, factors)
        let skipped = range.lowerBound - elements.lowerBound * size
        return bytes.count == range.count ? bytes : Array(bytes[skipped..<skipped + range.count])
    }

    private static func bytes(of elements: Range<Int>, _ change: WeightChange, _ factors: FusedFactors) throws
        -> [UInt8]
    {
        let size = change.dtype.byteCount
        let source = change.sourceFactor == 0 ? nil : try StoredPiece(change.source, elements)
        let summands = try change.summands.map { ($0, try StoredPiece($0.tensor, elements)) }
        var isFinite = true
        var buffer = [Float](repeating: 0, count: StoredBlock.bufferCount)
        var other = [Float](repeating: 0, count: StoredBlock.maximumColumnCount)
        let bytes = try unsafe [UInt8](unsafeUninitializedCapacity: elements.count * size) { output, initialized in
            try unsafe buffer.withUnsafeMutableBufferPointer { buffer in
                try unsafe other.withUnsafeMutableBufferPointer { other in
                    for block in StoredBlock.blocks(of: elements, change.layout) {
                        let floats = unsafe FloatBlock(
                            buffer, rows: block.rows.count, columns: block.columns.count, stride: StoredBlock.stride)
                        for row in block.rows {
                            let element = block.element(ofRow: row, change.layout)
                            let values = unsafe floats.row(row - block.rows.lowerBound)
                            unsafe start(values, source, change.sourceFactor, element)
                            try unsafe mix(change.rows.filter { $0.index == row }, into: values, at: element, change)
                            for (summand, stored) in summands {
                                let part = unsafe UnsafeMutableBufferPointer(rebasing: other[..<values.count])
                                unsafe stored.copy(from: element, to: part)
                                unsafe add(part, Float(summand.coefficient), to: values)
                            }
                            unsafe scale(values, factors.slices[block.slice].gains, row, block, change.layout)
                        }
                        let slice = factors.slices[block.slice]
                        floats.addProduct(
                            slice.left[...], firstRow: block.rows.lowerBound, slice.right[...],
                            aColumns: change.layout.columns, firstColumn: block.columns.lowerBound, inner: factors.inner
                        )
                        for row in block.rows {
                            let values = unsafe floats.row(row - block.rows.lowerBound)
                            let start = (block.element(ofRow: row, change.layout) - elements.lowerBound) * size
                            let target = unsafe UnsafeMutableRawBufferPointer(
                                rebasing: UnsafeMutableRawBufferPointer(output)[start..<start + values.count * size])
                            if unsafe !Rounding.narrow(UnsafeBufferPointer(values), change.dtype, into: target) {
                                isFinite = false
                            }
                        }
                    }
                }
            }
            initialized = elements.count * size
        }
        if !isFinite { throw try notFinite(change, elements) }
        return bytes
    }

    /// The source's part of a row.
    private static func start(
        _ values: UnsafeMutableBufferPointer<Float>, _ source: StoredPiece?, _ factor: Double, _ element: Int
    ) {
        guard let source else { return unsafe values.update(repeating: 0) }
        unsafe source.copy(from: element, to: values)
        guard factor != 1 else { return }
        for index in values.indices { unsafe values[index] *= Float(factor) }
    }

    private static func add(
        _ summand: UnsafeMutableBufferPointer<Float>, _ coefficient: Float,
        to values: UnsafeMutableBufferPointer<Float>
    ) {
        for index in values.indices { unsafe values[index] += coefficient * summand[index] }
    }

    /// Mixes one row with those that replace it: each adds its weight times its difference to the source's row.
    private static func mix(
        _ rows: [WeightChange.Row], into values: UnsafeMutableBufferPointer<Float>, at element: Int,
        _ change: WeightChange
    ) throws {
        guard !rows.isEmpty else { return }
        let original = try change.source.floats(in: element..<element + values.count)
        for row in rows {
            let first = row.sourceIndex * change.layout.columns + element % change.layout.columns
            let floats = try row.tensor.floats(in: first..<first + values.count)
            if rows.count == 1, row.weight == 1, change.sourceFactor == 1 {
                // To the last bit.
                for index in values.indices { unsafe values[index] = floats[index] }
            } else {
                for index in values.indices {
                    unsafe values[index] += Float(row.weight) * (floats[index] - original[index])
                }
            }
        }
    }

    private static func scale(
        _ values: UnsafeMutableBufferPointer<Float>, _ gains: [Float], _ row: Int, _ block: StoredBlock,
        _ layout: StoredLayout
    ) {
        guard !gains.isEmpty else { return }
        for index in values.indices {
            unsafe values[index] *= gains[layout.isTransposed ? block.columns.lowerBound + index : row]
        }
    }

    private static func notFinite(_ change: WeightChange, _ elements: Range<Int>) throws -> ArithmeticError {
        let label = change.terms.first?.module ?? change.name
        for (owner, tensor, range) in parts(change, elements) {
            guard let value = try tensor.floats(in: range).first(where: { !$0.isFinite }) else { continue }
            return ArithmeticError(
                .nonFinite,
                owner.map {
                    "Unable to fuse '\($0)': what it puts in the place of '\(change.name)' holds \(value). Its training has "
                        + "diverged; use an earlier checkpoint."
                }
                    ?? "Unable to fuse the tensor '\(change.name)': the base model's holds \(value). Fetch the base model "
                    + "again.", module: label)
        }
        return ArithmeticError(
            .overflow,
            "Unable to fuse the tensor '\(change.name)': a value exceeds the range of \(change.dtype). Use a smaller "
                + "weight, or a base model in bf16 or f32.", module: label)
    }

    /// What some elements are made of besides low-rank updates, which are looked at when they are read: whose it is, nil
    /// for the base model's, and where.
    private static func parts(_ change: WeightChange, _ elements: Range<Int>) -> [(String?, Tensor, Range<Int>)] {
        let source = change.sourceFactor == 0 ? [] : [(change.replacedBy, change.source, elements)]
        let summands = change.summands.map { (Optional($0.label), $0.tensor, elements) }
        let columns = change.layout.columns
        let rows = change.rows.filter { ($0.index * columns..<($0.index + 1) * columns).overlaps(elements) }
        return source + summands
            + rows.map { (Optional($0.label), $0.tensor, $0.sourceIndex * columns..<($0.sourceIndex + 1) * columns) }
    }
}
