import Tensors
import Testing

struct ShapeTests {
    private static let extent = Shape.maximumExtent

    @Test(
        arguments: [
            ([], 1), ([0], 0), ([1], 1), ([7], 7), ([2, 3], 6), ([2, 3, 4], 24), ([1, 1, 1, 1, 1, 5], 5),
            ([5, 0, 7], 0),
            ([extent], 1 << 31), ([extent, 1 << 16], 1 << 47), ([extent, (1 << 17) - 1], (1 << 48) - (1 << 31)),
            // 2⁴⁸ − 1 = 16 777 215 · 16 777 217.
            ([16_777_215, 16_777_217], (1 << 48) - 1),
            // No element is no element, wherever the zero stands.
            ([0, extent, extent, extent], 0), ([extent, 0, extent, extent], 0), ([extent, extent, extent, 0], 0),
            ([extent, extent, extent, extent, extent, 0], 0),
        ] as [([Int], Int)])
    func `shapes have the product of their extents`(extents: [Int], count: Int) throws {
        let shape = try #require(Shape(extents))
        #expect(shape.extents == extents)
        #expect(shape.elementCount == count)
        #expect(shape.rank == extents.count)
        for (dimension, extent) in extents.enumerated() { #expect(shape[dimension] == extent) }
    }

    @Test(arguments: [
        [1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0], [-1], [Int.min], [2, -3], [-2, -3], [0, -1], [-1, 0],
        [extent + 1],
        [0, extent + 1], [Int.max], [Int.max, Int.max], [extent, 1 << 17], [1 << 24, 1 << 24],
        [1 << 16, 1 << 16, 1 << 16],
        [extent, extent], [extent, extent, extent], [extent, extent, extent, extent, extent, extent],
    ])
    func `shapes out of range are none`(extents: [Int]) {
        #expect(Shape(extents) == nil)
    }

    @Test func `shapes print as PyTorch prints them`() {
        #expect(Shape([])?.description == "[]")
        #expect(Shape([4, 0, 16])?.description == "[4, 0, 16]")
    }

    @Test func `shapes are equal when their extents are`() {
        #expect(Shape([2, 3]) == Shape([2, 3]))
        #expect(Shape([2, 3]) != Shape([3, 2]))
        #expect(Shape([6]) != Shape([2, 3]))
        #expect(Shape([]) != Shape([1]))
    }
}
