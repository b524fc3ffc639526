import AdapterTesting
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct RegistryTagsTests {
    private func code(_ body: () throws -> Void) -> RegistryError.Code? {
        #expect(throws: RegistryError.self, performing: body)?.code
    }

    @Test func `Tags move with a record of who, from and to`() throws {
        try withRegistry(actor: "ada") { registry in
            let first = try registry.push(sample(1, message: "first"), as: reference("a:v1"))
            let second = try registry.push(sample(2), as: reference("a:v2"))
            try registry.tag(reference("a:v1"), as: reference("a:best"), message: "good")
            let moved = try registry.tag(reference("a:v2"), as: reference("a:best"), message: "better")
            #expect(moved.digest == second.digest)
            #expect(moved.tag?.generation == 2)
            try registry.untag(reference("a:best"), message: "neither")
            let events = try registry.history(reference("a").repository, tag: Tag(parsing: "best"))
            #expect(events.map(\.operation) == [.untag, .tag, .tag])
            #expect(events.map(\.oldDigest) == [second.digest, first.digest, nil])
            #expect(events.map(\.newDigest) == [nil, second.digest, first.digest])
            #expect(events.map(\.message) == ["neither", "better", "good"])
            #expect(events.map(\.generation) == [3, 2, 1])
            #expect(events.allSatisfy { $0.actor == "ada" && $0.reference.description == "a:best" })
            let all = try registry.history(reference("a").repository)
            #expect(all.count == 5)
            #expect(all.last?.message == "first")
            #expect(all.map(\.id) == all.map(\.id).sorted(by: >))
            let page = try registry.history(reference("a").repository, limit: 2)
            #expect(page == Array(all.prefix(2)))
            #expect(try registry.history(reference("a").repository, after: page.last?.id) == Array(all.dropFirst(2)))
            #expect(try registry.history(reference("a").repository, after: all.last?.id).isEmpty)
            // A tag that is made again goes on counting.
            #expect(try registry.tag(reference("a:v1"), as: reference("a:best")).tag?.generation == 4)
        }
    }

    @Test func `Expectations that do not hold are conflicts and change nothing`() throws {
        try withRegistry { registry in
            let first = try registry.push(sample(1), as: reference("a:v1"), expected: .absent)
            let second = try registry.push(sample(2), as: reference("b:v1"))
            let wrong: [ExpectedTag] = [.absent, .digest(second.digest)]
            for expected in wrong {
                #expect(
                    code { _ = try registry.push(sample(3), as: reference("a:v1"), expected: expected) } == .conflict)
                #expect(
                    code { try registry.tag(reference("b:v1"), as: reference("a:v1"), expected: expected) } == .conflict
                )
                #expect(code { try registry.untag(reference("a:v1"), expected: expected) } == .conflict)
                #expect(code { try registry.remove(reference("a:v1"), expected: expected) } == .conflict)
            }
            #expect(
                code {
                    _ = try registry.push(sample(3), as: reference("a:new"), expected: .digest(first.digest))
                } == .conflict)
            #expect(try registry.list().map(\.reference.description) == ["a:v1", "b:v1"])
            #expect(try registry.resolve(reference("a:v1")).digest == first.digest)
            // The refused version did not slip into the repository.
            #expect(
                code { _ = try registry.resolve(Reference(reference("a").repository, digest: second.digest)) }
                    == .notFound)
            _ = try registry.push(sample(3), as: reference("a:v1"), expected: .digest(first.digest))
            #expect(try registry.history(reference("a").repository).count == 2)
        }
    }

    @Test func `Immutable tags neither move nor go`() throws {
        try withRegistry { registry in
            let first = try registry.push(sample(1), as: reference("a:v1"))
            let fixed = try registry.tag(reference("a:v1"), as: reference("a:v1"), immutable: true)
            #expect(fixed.tag?.isImmutable == true)
            #expect(try registry.tag(reference("a:v1"), as: reference("a:v1"), immutable: true).tag == fixed.tag)
            #expect(code { _ = try registry.push(sample(2), as: reference("a:v1")) } == .immutableTag)
            _ = try registry.push(sample(2), as: reference("a:v2"))
            #expect(code { try registry.tag(reference("a:v2"), as: reference("a:v1")) } == .immutableTag)
            #expect(code { try registry.untag(reference("a:v1")) } == .immutableTag)
            #expect(code { try registry.remove(reference("a:v1")) } == .immutableTag)
            #expect(code { try registry.remove(first.pinned) } == .immutableTag)
            // The same again is no change, and does not unfix it.
            #expect(try registry.push(sample(1), as: reference("a:v1")).tag?.isImmutable == true)
            #expect(try registry.tag(reference("a:v1"), as: reference("a:v1")).tag == fixed.tag)
            #expect(try registry.history(reference("a").repository, tag: Tag(parsing: "v1")).count == 2)
        }
    }

    @Test func `A digest is found only in repositories that have it`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a:v1"))
            let elsewhere = Reference(try RepositoryName(parsing: "b"), digest: stored.digest)
            #expect(code { _ = try registry.resolve(elsewhere) } == .notFound)
            _ = try registry.push(sample(2), as: reference("b:v1"))
            #expect(code { _ = try registry.resolve(elsewhere) } == .notFound)
            try registry.tag(stored.pinned, as: reference("b:copy"))
            #expect(try registry.resolve(elsewhere).digest == stored.digest)
            #expect(try registry.references(to: stored.digest).map(\.description) == ["a:v1", "b:copy"])
        }
    }

    @Test func `Untagging keeps the version, removing takes it with the last tag`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a:v1"))
            try registry.tag(reference("a:v1"), as: reference("a:v2"))
            try registry.untag(reference("a:v1"))
            #expect(try registry.resolve(stored.pinned).digest == stored.digest)
            try registry.tag(stored.pinned, as: reference("a:v3"))
            try registry.remove(reference("a:v2"))
            #expect(try registry.resolve(stored.pinned).digest == stored.digest)
            try registry.remove(reference("a:v3"))
            #expect(code { _ = try registry.resolve(stored.pinned) } == .notFound)
            #expect(try registry.list().isEmpty)
            #expect(code { try registry.remove(reference("a:v3")) } == .notFound)
            #expect(code { try registry.untag(reference("a:v3")) } == .notFound)
            #expect(code { try registry.untag(stored.pinned) } == .wrongKind)
            // The history outlives the repository, and the bytes wait for the collection.
            #expect(try registry.history(reference("a").repository).map(\.operation).prefix(2) == [.remove, .remove])
            #expect(try registry.verifyAll().isEmpty)
            #expect(try registry.push(sample(1), as: reference("a:v1")).tag?.generation == 3)
        }
    }

    @Test func `Removing a digest removes all its tags`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a:v1"))
            try registry.tag(reference("a:v1"), as: reference("a:v2"))
            try registry.tag(reference("a:v1"), as: reference("b:v1"))
            try registry.remove(stored.pinned)
            #expect(try registry.list().map(\.reference.description) == ["b:v1"])
            #expect(code { _ = try registry.resolve(reference("a:v1")) } == .notFound)
            #expect(try registry.history(reference("a").repository).count == 4)
        }
    }

    @Test(arguments: [
        ("team/lama", "Did you mean 'team/llama'?"), ("llama", "Did you mean 'team/llama'?"),
        ("team/llama:v3", "Did you mean 'team/llama:v"), ("unlike/everything", "See 'list'"),
    ])
    func `What is not found suggests what may be meant`(_ text: String, _ hint: String) throws {
        try withRegistry { registry in
            _ = try registry.push(sample(1), as: reference("team/llama:v1"))
            _ = try registry.push(sample(2), as: reference("team/llama:v2"))
            let error = #expect(throws: RegistryError.self) { try registry.resolve(reference(text)) }
            #expect(error?.code == .notFound)
            #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
        }
    }

    @Test func `A clock that goes backwards does not turn the history around`() throws {
        try withRegistry { registry in
            let stored = try registry.push(sample(1), as: reference("a:v1"))
            let other = try registry.push(sample(2), as: reference("a:v2"))
            for (digest, milliseconds) in [(stored.digest, 5000), (other.digest, 1000), (stored.digest, 3000)] {
                let change = Catalog.Change(
                    operation: .tag, actor: "x", date: Timestamp(milliseconds: Int64(milliseconds)))
                try registry.catalog.write { database in
                    let repository = try #require(
                        try Catalog.repositoryID(stored.reference.repository, in: database))
                    try Catalog.move(
                        reference("a:t"), Tag(parsing: "t"), to: digest, repository: repository, expected: .any,
                        makeImmutable: false, change, in: database)
                }
            }
            let events = try registry.history(reference("a").repository, tag: Tag(parsing: "t"))
            #expect(events.map(\.date.milliseconds) == [3000, 1000, 5000])
            #expect(events.map(\.generation) == [3, 2, 1])
            #expect(events.first?.date.description == "1970-01-01T00:00:03.000Z")
        }
    }
}
