import ByteCoding
import Testing

struct CheckedArithmeticTests {
    @Test(
        arguments: [
            (2, 3, 5), (Int.max, 0, Int.max), (Int.max, 1, nil), (Int.min, -1, nil), (Int.max, Int.min, -1),
        ] as [(Int, Int, Int?)])
    func `sums that do not fit are nil`(left: Int, right: Int, sum: Int?) {
        #expect(left.checkedAdd(right) == sum)
        #expect(right.checkedAdd(left) == sum)
    }

    @Test(
        arguments: [
            (6, 7, 42), (Int.max, 1, Int.max), (Int.max, 2, nil), (1 << 32, 1 << 31, nil), (1 << 31, 1 << 31, 1 << 62),
            (Int.min, -1, nil), (Int.max, 0, 0),
        ] as [(Int, Int, Int?)])
    func `products that do not fit are nil`(left: Int, right: Int, product: Int?) {
        #expect(left.checkedMultiply(right) == product)
        #expect(right.checkedMultiply(left) == product)
    }

    @Test func `padding reaches the next multiple`() {
        for alignment in [1, 2, 8, 256, 4096] {
            for offset in 0...(2 * alignment) {
                let padding = offset.padding(to: alignment)
                #expect((0..<alignment).contains(padding))
                #expect((offset + padding) % alignment == 0)
            }
        }
        #expect(Int.max.padding(to: 8) == 1)
    }

    @Test(arguments: [
        ("", "a"), ("a", "b"), ("a", "aa"), ("Z", "a"), ("z", "é"),
        // Decomposed é starts with the letter e; composed é comes after all of ASCII.
        ("e\u{301}", "f"), ("f", "\u{E9}"), ("e\u{301}", "\u{E9}"),
        // UTF-16 would order these two the other way round.
        ("\u{FF5E}", "\u{1F600}"),
    ])
    func `texts are ordered by their bytes`(first: String, second: String) {
        #expect(first.precedesInUTF8(second))
        #expect(!second.precedesInUTF8(first))
        #expect(!first.precedesInUTF8(first))
    }
}
