import ByteCoding
import Testing

struct MetadataValueTests {
    private let one: [MetadataValue] = [nil, true, 1, 1.0, "1", [1], ["a": 1]]

    @Test func `each accessor answers for its own type only`() {
        #expect(one.map(\.isNull) == [true, false, false, false, false, false, false])
        #expect(one.map(\.bool) == [nil, true, nil, nil, nil, nil, nil])
        #expect(one.map(\.integer) == [nil, nil, 1, nil, nil, nil, nil])
        #expect(one.map(\.number) == [nil, nil, 1, 1, nil, nil, nil])
        #expect(one.map(\.string) == [nil, nil, nil, nil, "1", nil, nil])
        #expect(one.map(\.array) == [nil, nil, nil, nil, nil, [.integer(1)], nil])
        #expect(one.map(\.map) == [nil, nil, nil, nil, nil, nil, ["a": .integer(1)]])
    }

    @Test func `an integer and the same number with a fraction differ`() {
        #expect(MetadataValue.integer(1) != .double(1))
        #expect(Set(one).count == one.count)
    }

    @Test func `entries are found by key`() {
        let value: MetadataValue = ["a": 1, "b": nil]
        #expect(value["a"] == .integer(1))
        #expect(value["b"] == .null)
        #expect(value["c"] == nil)
        #expect(MetadataValue.array([1])["a"] == nil)
    }

    @Test func `the last of several equal keys of a literal wins`() {
        let value: MetadataValue = ["a": 1, "a": 2]
        #expect(value == .map(["a": .integer(2)]))
    }

    @Test func `values are made from Swift's types`() {
        #expect(MetadataValue(3) == .integer(3))
        #expect(MetadataValue(0.5) == .double(0.5))
        #expect(MetadataValue("x" as String?) == .string("x"))
        #expect(MetadataValue(nil as String?) == .null)
        #expect(MetadataValue(false) == .bool(false))
    }

    @Test func `the largest integers survive`() {
        #expect(MetadataValue.integer(.max).integer == Int.max)
        #expect(MetadataValue.integer(.min).integer == Int.min)
        #expect(MetadataValue.integer(.min).number == -0x1p63)
    }
}
