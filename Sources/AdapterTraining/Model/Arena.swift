internal import Glibc

/// One piece of memory for all matrices of a computation, taken before it starts.
///
/// The memory is zero at first, and the system gives pages only where something is written.
@safe package final class Arena<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    // Unchecked: the memory's address and size never change, and who writes where is decided by the users of its views.

    /// Hands out views one behind the other.
    @safe package struct Layout {
        /// Nil while sizes are only added up.
        private let base: UnsafeMutablePointer<Element>?
        package private(set) var elementCount = 0

        /// Rows begin at multiples of 64 bytes where that wastes little.
        private static var alignment: Int { 64 / MemoryLayout<Element>.stride }

        fileprivate init(base: UnsafeMutablePointer<Element>?) { unsafe self.base = unsafe base }

        /// The next matrix.
        package mutating func matrix(_ rows: Int, _ columns: Int) -> MatrixView<Element> {
            let start = elementCount
            let count = rows * columns
            elementCount += (count + Self.alignment - 1) / Self.alignment * Self.alignment
            // While sizes are added up nobody looks at what the view shows.
            let address = unsafe base ?? UnsafeMutablePointer(bitPattern: 64) ?? .allocate(capacity: 0)
            return unsafe MatrixView(base: address + (base == nil ? 0 : start), rows: rows, columns: columns)
        }
    }

    /// The number of bytes.
    package let byteCount: Int
    private let memory: UnsafeMutableRawPointer

    /// The number of bytes that a layout takes.
    package static func byteCount(_ layout: (inout Layout) -> Void) -> Int {
        var counting = unsafe Layout(base: nil)
        layout(&counting)
        return counting.elementCount * MemoryLayout<Element>.stride
    }

    /// Takes the memory that a layout asks for and lays it out.
    ///
    /// - Throws: ``TrainingError`` with code `outOfMemory`.
    package init<Matrices>(_ layout: (inout Layout) -> Matrices, result: inout Matrices?) throws {
        var counting = unsafe Layout(base: nil)
        _ = layout(&counting)
        byteCount = max(1, counting.elementCount) * MemoryLayout<Element>.stride
        let mapping = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let mapping = unsafe mapping, unsafe mapping != MAP_FAILED else {
            throw TrainingError(
                .outOfMemory, "Unable to take \(byteCount >> 20) MiB of memory. Use smaller batches or shorter rows.")
        }
        unsafe memory = unsafe mapping
        let base = unsafe mapping.bindMemory(to: Element.self, capacity: max(1, counting.elementCount))
        var real = unsafe Layout(base: base)
        result = layout(&real)
    }

    deinit { unsafe munmap(memory, byteCount) }
}
