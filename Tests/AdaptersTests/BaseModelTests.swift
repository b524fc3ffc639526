import Adapters
import Integrity
import Testing

struct BaseModelTests {
    private static let one = SHA256.hash([1])
    private static let two = SHA256.hash([2])

    @Test(arguments: [
        // Nothing is known, so nothing contradicts.
        (BaseModel(), BaseModel(), true), (BaseModel(), BaseModel(name: "a", revision: "r", digest: one), true),
        // Names and revisions count where both have them.
        (BaseModel(name: "a"), BaseModel(name: "a"), true), (BaseModel(name: "a"), BaseModel(name: "b"), false),
        (BaseModel(name: "a"), BaseModel(name: "A"), false), (BaseModel(name: "a"), BaseModel(revision: "r"), true),
        (BaseModel(name: "a", revision: "r"), BaseModel(name: "a"), true),
        (BaseModel(name: "a", revision: "r"), BaseModel(name: "a", revision: "r"), true),
        (BaseModel(name: "a", revision: "r"), BaseModel(name: "a", revision: "s"), false),
        (BaseModel(revision: "r"), BaseModel(revision: "s"), false),
        (BaseModel(name: "a"), BaseModel(name: "b", digest: one), false),
        (BaseModel(name: "a", digest: one), BaseModel(name: "a"), true),
        // Digests decide alone when both are known.
        (BaseModel(digest: one), BaseModel(digest: one), true), (BaseModel(digest: one), BaseModel(digest: two), false),
        (BaseModel(name: "a", digest: one), BaseModel(name: "b", digest: one), true),
        (BaseModel(name: "a", revision: "r", digest: one), BaseModel(name: "a", revision: "s", digest: one), true),
        (BaseModel(name: "a", digest: one), BaseModel(name: "a", digest: two), false),
    ])
    func `models are compatible unless something known to both differs`(
        left: BaseModel, right: BaseModel, expected: Bool
    ) {
        #expect(left.isCompatible(with: right) == expected)
        #expect(right.isCompatible(with: left) == expected)
    }

    @Test func `merging fills gaps and keeps what is there`() {
        let merged = BaseModel(name: "a", digest: Self.one).merging(
            BaseModel(name: "b", revision: "r", digest: Self.two))
        #expect(merged == BaseModel(name: "a", revision: "r", digest: Self.one))
        #expect(BaseModel().merging(merged) == merged)
        #expect(merged.merging(BaseModel()) == merged)
    }

    @Test(arguments: [
        (BaseModel(), "unknown"), (BaseModel(name: "a"), "a"), (BaseModel(name: "a", revision: "r"), "a@r"),
        (BaseModel(revision: "r"), "unknown@r"), (BaseModel(digest: one), "\(one)"),
        (BaseModel(name: "a", digest: one), "a"),
    ])
    func `a summary names what is known`(model: BaseModel, summary: String) {
        #expect(model.summary == summary)
    }
}
