extension Tensor {
    /// All elements as doubles, exactly.
    public func doubles() throws -> [Double] { try doubles(in: 0..<shape.elementCount) }

    /// A range of the elements, in row-major order, as doubles, exactly.
    ///
    /// - Throws: ``TensorError`` with code `sizeMismatch` when the tensor does not have these elements.
    package func doubles(in elements: Range<Int>) throws -> [Double] {
        ElementRun(try bytes(in: blocks(of: elements)), dtype, elements).doubles
    }

    /// Ranges of the elements of several tensors, in order; sources of one kind read them together.
    ///
    /// - Throws: ``TensorError`` with code `sizeMismatch` when a tensor does not have these elements.
    package static func elements(of reads: [(tensor: Tensor, elements: Range<Int>)]) throws -> [ElementRun] {
        let bytes = try bytes(of: try reads.map { ($0.tensor, try $0.tensor.blocks(of: $0.elements)) })
        return zip(reads, bytes).map { ElementRun($1, $0.tensor.dtype, $0.elements) }
    }

    /// The bytes of the blocks that hold these elements.
    private func blocks(of elements: Range<Int>) throws -> Range<Int> {
        guard elements.lowerBound >= 0, elements.upperBound <= shape.elementCount else {
            throw TensorError(
                .sizeMismatch, "Unable to read elements \(elements) of a tensor of \(shape.elementCount).")
        }
        return elements.lowerBound / dtype.block.elementCount
            * dtype.block.byteCount..<dtype.byteCount(ofElements: elements.upperBound)
    }

    /// The elements in runs of whole blocks whose bytes, but for ``DType/q8``, are pieces of a mebibyte.
    package var pieces: some Sequence<Range<Int>> {
        let count = shape.elementCount
        let step = TensorPieces.byteCount / dtype.byteCount
        return stride(from: 0, to: count, by: step).lazy.map { $0..<min($0 + step, count) }
    }

    /// Whether every floating-point element is finite; integers always are.
    public func isFinite() throws -> Bool {
        guard dtype.isFloatingPoint else { return true }
        // Whole elements, and whole blocks.
        let step = TensorPieces.byteCount - TensorPieces.byteCount % dtype.block.byteCount
        for start in stride(from: 0, to: byteCount, by: step) {
            let piece = try bytes(in: start..<min(start + step, byteCount))
            if !Widening.areFinite(piece, dtype) { return false }
        }
        return true
    }
}

/// A run of elements as they are stored.
package struct ElementRun: Sendable {
    /// The blocks that hold them.
    package let bytes: [UInt8]
    private let dtype: DType
    private let elements: Range<Int>

    init(_ bytes: [UInt8], _ dtype: DType, _ elements: Range<Int>) {
        self.bytes = bytes
        self.dtype = dtype
        self.elements = elements
    }

    /// The elements as doubles, exactly.
    package var doubles: [Double] {
        let values = Widening.doubles(bytes, dtype)
        let skipped = elements.lowerBound % dtype.block.elementCount
        return values.count == elements.count ? values : Array(values[skipped..<skipped + elements.count])
    }

    /// Whether no element of these blocks is infinite or not a number.
    package var areFinite: Bool { Widening.areFinite(bytes, dtype) }
}

/// Exact conversions from stored elements to wider numbers.
package enum Widening {
    /// The elements in `bytes` as doubles. Every supported type is a subset of binary64, so nothing rounds.
    package static func doubles(_ bytes: [UInt8], _ dtype: DType) -> [Double] {
        switch dtype {
        case .f32, .bf16, .f16: doubles(floats(bytes, dtype))
        case .f8e4m3: bytes.map { e4m3Table[Int($0)] }
        case .f8e5m2: bytes.map { Double(float(binary16: UInt16($0) << 8)) }
        case .i8: bytes.map { Double(Int8(bitPattern: $0)) }
        case .u8: bytes.map { Double($0) }
        case .i32: words(bytes, UInt32.self) { Double(Int32(bitPattern: $0)) }
        case .q8: Q8.doubles(bytes)
        }
    }

    /// Whether no element has the exponent of infinities and NaN; for E4M3, which has no infinities, the bits of NaN.
    package static func areFinite(_ bytes: [UInt8], _ dtype: DType) -> Bool {
        switch dtype {
        case .f32: !contains(bytes, UInt32(0x7F80_0000))
        case .bf16: !contains(bytes, UInt16(0x7F80))
        case .f16: !contains(bytes, UInt16(0x7C00))
        case .f8e4m3: !contains(bytes, UInt8(0x7F))
        case .f8e5m2: !contains(bytes, UInt8(0x7C))
        case .i8, .u8, .i32: true
        case .q8: Q8.areFinite(bytes)
        }
    }

    private static func contains<Word: FixedWidthInteger>(_ bytes: [UInt8], _ mask: Word) -> Bool {
        let size = MemoryLayout<Word>.size
        return unsafe bytes.withUnsafeBytes { buffer in
            // Counted without leaving the loop early, so that it runs on vectors.
            var count = 0 as Word
            for index in 0..<buffer.count / size {
                let word = unsafe buffer.loadUnaligned(fromByteOffset: index * size, as: Word.self)
                count |= Word(littleEndian: word) & mask == mask ? 1 : 0
            }
            return count > 0
        }
    }

    private static func words<Word: FixedWidthInteger>(
        _ bytes: [UInt8], _ type: Word.Type, _ convert: (Word) -> Double
    ) -> [Double] {
        let count = bytes.count / MemoryLayout<Word>.size
        return unsafe bytes.withUnsafeBytes { buffer in
            (0..<count).map { index in
                let word = unsafe buffer.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
                return convert(Word(littleEndian: word))
            }
        }
    }

    /// Binary16 to binary32 by integer arithmetic, several times faster than the library call the compiler emits.
    package static func float(binary16 bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 0x1F
        let fraction = UInt32(bits & 0x3FF)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return Float(bitPattern: magnitude.bitPattern | sign)
        case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    /// OCP FP8 E4M3: bias 7, subnormals in steps of 2⁻⁹, one NaN per sign.
    private static let e4m3Table: [Double] = (0..<256).map { (code: Int) -> Double in
        let sign: Double = code >= 128 ? -1 : 1
        let exponent = (code >> 3) & 15
        let fraction = Double(code & 7)
        if code & 0x7F == 0x7F { return .nan }
        if exponent == 0 { return sign * fraction * 0x1p-9 }
        return sign * (1 + fraction / 8) * Double(sign: .plus, exponent: exponent - 7, significand: 1)
    }
}
