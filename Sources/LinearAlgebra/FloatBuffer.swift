/// Memory for binary32 numbers that is written again and again, such as tiles of a matrix too large to hold.
///
/// Whoever fills a buffer does so before others see it, so threads may share it afterwards.
@safe
package final class FloatBuffer: @unchecked Sendable {
    /// The number of elements.
    package let count: Int
    /// The elements.
    package let pointer: UnsafeMutablePointer<Float>

    /// A buffer of zeros.
    package init(count: Int) {
        self.count = count
        unsafe pointer = UnsafeMutablePointer.allocate(capacity: max(1, count))
        unsafe pointer.initialize(repeating: 0, count: max(1, count))
    }

    /// A buffer of doubles, each rounded once.
    package convenience init(rounding values: [Double]) {
        self.init(count: values.count)
        for (index, value) in values.enumerated() { unsafe pointer[index] = Float(value) }
    }

    deinit { unsafe pointer.deallocate() }

    /// The elements, exactly.
    package var doubles: [Double] { (0..<count).map { unsafe Double(pointer[$0]) } }

    /// Whether no element is infinite or not a number.
    package var isFinite: Bool { unsafe UnsafeBufferPointer(start: pointer, count: count).allSatisfy(\.isFinite) }
}
