import FileSystem
public import Tensors

/// A tensor of a model that lies in memory as the file holds it: row-major elements, little-endian.
///
/// For kernels that read weights many times. Passing it on costs nothing; the memory is the system's cache of the file.
/// See `MappedRegion` for what must not happen to the file meanwhile.
public struct MappedTensor: Sendable {
    /// The element type.
    public let dtype: DType
    /// The extents.
    public let shape: Shape
    private let region: MappedRegion

    init(dtype: DType, shape: Shape, region: MappedRegion) {
        self.dtype = dtype
        self.shape = shape
        self.region = region
    }

    /// The size of all elements in bytes.
    public var byteCount: Int { region.byteCount }

    /// Lends the bytes; they must not be used after `body` has returned. They may not be aligned to elements.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try unsafe region.withUnsafeBytes(body)
    }
}
