/// Where a tensor's bytes come from: memory, a file, a decoder or a computation.
public protocol TensorSource: Sendable {
    /// Copies the bytes of a range; row-major elements, little-endian.
    ///
    /// - Parameter range: a range within the tensor's bytes.
    func bytes(in range: Range<Int>) throws -> [UInt8]

    /// The same for several reads at once, for sources to which that is less work.
    static func bytes(of reads: [(source: Self, range: Range<Int>)]) throws -> [[UInt8]]
}

extension TensorSource {
    /// One read after the other.
    public static func bytes(of reads: [(source: Self, range: Range<Int>)]) throws -> [[UInt8]] {
        try reads.map { try $0.source.bytes(in: $0.range) }
    }
}

/// A dense row-major tensor whose bytes are read when they are asked for.
///
/// Passing a tensor on costs nothing; reading it costs what its source costs. So an adapter of any size goes through
/// the program in pieces.
public struct Tensor: Sendable {
    /// The element type.
    public let dtype: DType
    /// The extents.
    public let shape: Shape
    private let source: any TensorSource

    /// A tensor that reads from `source`.
    public init(dtype: DType, shape: Shape, source: any TensorSource) {
        self.dtype = dtype
        self.shape = shape
        self.source = source
    }

    /// A tensor held in memory.
    ///
    /// - Throws: ``TensorError`` with code `sizeMismatch` when the bytes do not fill the shape.
    public init(dtype: DType, shape: Shape, bytes: [UInt8]) throws {
        guard bytes.count == dtype.byteCount(ofElements: shape.elementCount) else {
            throw TensorError(
                .sizeMismatch,
                "Unable to make a tensor of \(dtype) \(shape): \(dtype.byteCount(ofElements: shape.elementCount)) bytes "
                    + "expected, \(bytes.count) given.")
        }
        self.init(dtype: dtype, shape: shape, source: MemorySource(bytes: bytes))
    }

    /// The size of all elements in bytes.
    public var byteCount: Int { dtype.byteCount(ofElements: shape.elementCount) }

    /// Copies a range of the bytes.
    public func bytes(in range: Range<Int>) throws -> [UInt8] {
        try check(range)
        return try source.bytes(in: range)
    }

    private func check(_ range: Range<Int>) throws {
        guard range.lowerBound >= 0, range.upperBound <= byteCount else {
            throw TensorError(
                .sizeMismatch, "Unable to read bytes \(range) of a tensor of \(byteCount) bytes.")
        }
    }

    /// Copies ranges of the bytes of several tensors, in order; sources of one kind read them together.
    package static func bytes(of reads: [(tensor: Tensor, range: Range<Int>)]) throws -> [[UInt8]] {
        for read in reads { try read.tensor.check(read.range) }
        guard let first = reads.first else { return [] }
        return try bytes(of: reads, likeThatOf: first.tensor.source)
    }

    private static func bytes<Source: TensorSource>(
        of reads: [(tensor: Tensor, range: Range<Int>)], likeThatOf _: Source
    ) throws -> [[UInt8]] {
        let alike = reads.compactMap { read in
            (read.tensor.source as? Source).map { (source: $0, range: read.range) }
        }
        guard alike.count == reads.count else { return try reads.map { try $0.tensor.bytes(in: $0.range) } }
        return try Source.bytes(of: alike)
    }

    /// Copies all bytes.
    public func bytes() throws -> [UInt8] { try bytes(in: 0..<byteCount) }

    /// The same elements under another shape of equal size.
    ///
    /// - Throws: ``TensorError`` with code `sizeMismatch`.
    public func reshaped(_ extents: [Int]) throws -> Tensor {
        guard let shape = Shape(extents), shape.elementCount == self.shape.elementCount else {
            throw TensorError(.sizeMismatch, "Unable to reshape \(self.shape) to \(extents): the sizes differ.")
        }
        return Tensor(dtype: dtype, shape: shape, source: source)
    }
}

/// Bytes in memory.
private struct MemorySource: TensorSource {
    let bytes: [UInt8]

    func bytes(in range: Range<Int>) -> [UInt8] {
        range == 0..<bytes.count ? bytes : Array(bytes[range])
    }
}
