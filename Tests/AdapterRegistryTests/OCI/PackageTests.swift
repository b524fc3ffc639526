import AdapterFormat
import AdapterTesting
import FileSystem
import Foundation
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct PackageTests {
    private let name: RepositoryName
    private let everything = CollectionRules(grace: .zero)

    init() throws { name = try RepositoryName(parsing: "team/a") }

    private func digest(_ bytes: [UInt8]) -> String { SHA256.hash(bytes).description }

    private func tag(_ text: String) throws -> AdapterRegistry.Tag { try AdapterRegistry.Tag(parsing: text) }

    @discardableResult
    private func push(_ bytes: [UInt8], to registry: Registry, _ repository: RepositoryName? = nil) throws -> String {
        let upload = try registry.startUpload(UUID().uuidString.lowercased(), to: repository ?? name)
        for start in stride(from: 0, to: bytes.count, by: 1000) {
            try upload.append(Array(bytes[start..<min(start + 1000, bytes.count)]))
        }
        try registry.finish(upload, as: digest(bytes))
        return digest(bytes)
    }

    private func manifest(_ text: String, adapter: Digest? = nil, subject: String? = nil) -> PackageManifest {
        PackageManifest(
            digest: digest(Array(text.utf8)), mediaType: "application/vnd.oci.image.manifest.v1+json",
            artifactType: "application/example", subject: subject, annotations: ["a": "ü"], adapter: adapter,
            bytes: Array(text.utf8))
    }

    /// An adapter's file as bytes.
    private func adapterFile(_ seed: UInt64) throws -> [UInt8] {
        try withRegistry { registry throws in
            let stored = try registry.push(sample(seed), as: reference("x:v1"))
            return try InputFile.contents(of: stored.path, limit: 1 << 24)
        }
    }

    @Test func `A blob is stored under its digest only when it has it`() throws {
        try withRegistry { registry throws in
            let bytes = Array("hello".utf8)
            let wrong = try registry.startUpload("00000000-0000-4000-8000-000000000001", to: name)
            try wrong.append(bytes)
            #expect { try registry.finish(wrong, as: digest([1])) } throws: {
                ($0 as? RegistryError)?.code == .damagedBlob
            }
            #expect(try registry.packageBlob(digest([1]), in: name) == nil)
            #expect(try registry.packageBlob(digest(bytes), in: name) == nil)
            try push(bytes, to: registry)
            let blob = try #require(try registry.packageBlob(digest(bytes), in: name))
            #expect(try InputFile.contents(of: blob.path, limit: 10) == bytes)
            #expect(try registry.packageBlob(digest(bytes), in: RepositoryName(parsing: "team/b")) == nil)
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `An upload goes on where another process stopped, one at a time`() throws {
        try withRegistry { registry throws in
            let id = "00000000-0000-4000-8000-000000000002"
            let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            var first: BlobUpload? = try registry.startUpload(id, to: name)
            try first?.append(Array(bytes[..<2000]))
            #expect { try registry.upload(id, to: name) } throws: { ($0 as? RegistryError)?.code == .conflict }
            first = nil
            let again = try Registry(opening: registry.directory)
            #expect(try again.upload(id, to: RepositoryName(parsing: "team/b")) == nil)
            let second = try #require(try again.upload(id, to: name))
            #expect(second.byteCount == 2000)
            try second.append(Array(bytes[2000...]))
            try again.finish(second, as: digest(bytes))
            #expect(try registry.packageBlob(digest(bytes), in: name)?.byteCount == 5000)
            #expect(try registry.upload(id, to: name) == nil)
        }
    }

    @Test func `SHA-512 names a blob as well`() throws {
        try withRegistry { registry throws in
            let upload = try registry.startUpload("00000000-0000-4000-8000-000000000003", to: name)
            try upload.append(Array("abc".utf8))
            // FIPS 180-4, the example for "abc".
            let name512 =
                "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            try registry.finish(upload, as: name512)
            #expect(try registry.packageBlob(name512, in: name)?.byteCount == 3)
            #expect(try registry.packageBlob(digest(Array("abc".utf8)), in: name) == nil)
        }
    }

    @Test(arguments: [
        ("DELETE FROM ociManifest WHERE digest LIKE 'sha256:%'", Finding.Kind.missingDocument),
        ("DELETE FROM ociManifest WHERE digest LIKE 'sha512:%'", .missingDocument),
        ("UPDATE ociManifest SET bytes = x'00' WHERE digest LIKE 'sha256:%'", .damagedDocument),
        ("UPDATE ociManifest SET bytes = x'00' WHERE digest LIKE 'sha512:%'", .damagedDocument),
        ("UPDATE ociManifest SET repository = 'b' WHERE digest LIKE 'sha512:%'", .missingDocument),
        ("DELETE FROM ociBlob", .danglingReference),
    ])
    func `Manifests that were deleted or edited, and blobs that they lack, are found`(
        _ sql: String, _ kind: Finding.Kind
    ) throws {
        try withRegistry { registry throws in
            let blob = try push(Array("configuration".utf8), to: registry)
            try registry.push(manifest("m1"), needing: [blob], and: [], tags: [tag("v1")], in: name)
            // SHA-512 of "m2", by sha512sum.
            var other = manifest("m2")
            other.digest =
                "sha512:"
                + "e17497c2b76c6e487a1b8fc74f55000c6cfebdd4e584655ecb386d0911592446"
                + "f386b32d0b7d54f166c19d051992c41290760065ede2a3f702a3de5f8bfe0bd8"
            try registry.push(other, needing: [], and: [], tags: [], in: name)
            #expect(try registry.check().isEmpty)
            try registry.catalog.write { try $0.execute(sql: sql) }
            let findings = try registry.check()
            #expect(findings.map(\.kind) == [kind], "\(findings)")
            #expect(try registry.repair().findings == findings)
        }
    }

    @Test func `What was removed is not missed`() throws {
        try withRegistry { registry throws in
            let blob = try push(Array("configuration".utf8), to: registry)
            for text in ["m1", "m2"] {
                try registry.push(manifest(text), needing: [blob], and: [], tags: [tag(text)], in: name)
            }
            var index = manifest("index")
            index.digest =
                "sha512:"
                + "ab3e06bb64a51ea323a7627294d3b55c54332709b99206f4d26041a7d8c5b7ba"
                + "8e57dad1250a5d99a3bca060f72d70c1046b1cbd4ca0964fa3e2048d73fb6273"
            try registry.push(
                index, needing: [], and: [manifest("m1").digest, manifest("m2").digest], tags: [], in: name)
            try registry.removePackageManifest(manifest("m1").digest, in: name)
            #expect(try registry.check().isEmpty)
            try registry.removePackageManifest(index.digest, in: name)
            #expect(try registry.check().isEmpty)
            // And what was pushed again counts again.
            try registry.push(manifest("m1"), needing: [blob], and: [], tags: [], in: name)
            try registry.catalog.write { database throws in
                try database.execute(
                    sql: "DELETE FROM ociManifest WHERE digest = ?", arguments: [manifest("m1").digest])
            }
            #expect(try registry.check().map(\.kind) == [.missingDocument])
        }
    }

    @Test func `An adapter that comes as a blob is one of the registry's own`() throws {
        let file = try adapterFile(1)
        try withRegistry { registry throws in
            let digest = try #require(Digest(parsing: try push(file, to: registry)))
            let package = manifest("m1", adapter: digest)
            try registry.push(package, needing: [digest.description], and: [], tags: [tag("v1")], in: name)
            let listed = try registry.list()
            #expect(listed.map(\.digest) == [digest])
            #expect(try registry.open(reference("team/a:v1")).contentRoot == listed.first?.contentRoot)
            #expect(try registry.taggedPackage(tag("v1"), in: name) == .manifest(package))
            #expect(try registry.history(name).map(\.newDigest) == [digest])
            #expect(try registry.check().isEmpty)
            #expect(try registry.verifyLog().faults.isEmpty)

            // Another command moves the tag: the manifest no longer speaks for it.
            let moved = try registry.push(sample(2), as: reference("team/a:v1"))
            guard case .adapter(let stored) = try registry.taggedPackage(tag("v1"), in: name) else {
                Issue.record("the tag stands at the old manifest")
                return
            }
            #expect(stored.digest == moved.digest)
            try registry.untag(reference("team/a:v1"))
            #expect(try registry.taggedPackage(tag("v1"), in: name) == nil)
            #expect(try registry.packageTags(in: name, after: nil, limit: 10) == [])
        }
    }

    @Test func `A tag stands at an adapter or at something else, and immutable tags stay`() throws {
        try withRegistry { registry throws in
            let adapter = try registry.push(sample(1), as: reference("team/a:v1")).digest
            let other = manifest("other")
            try registry.push(other, needing: [], and: [], tags: [tag("v1"), tag("v0")], in: name)
            #expect(try registry.taggedPackage(tag("v1"), in: name) == .manifest(other))
            #expect(try registry.list().isEmpty)
            #expect(try registry.packageTags(in: name, after: nil, limit: 10)?.map(\.description) == ["v0", "v1"])
            #expect(try registry.packageTags(in: name, after: "v0", limit: 10)?.map(\.description) == ["v1"])
            try registry.tag(
                Reference(name, digest: adapter), as: reference("team/a:fixed"), immutable: true)
            #expect { try registry.push(other, needing: [], and: [], tags: [tag("fixed")], in: name) } throws: {
                ($0 as? RegistryError)?.code == .immutableTag
            }
            #expect { try registry.removePackageTag(tag("fixed"), in: name) } throws: {
                ($0 as? RegistryError)?.code == .immutableTag
            }
            try registry.removePackageTag(tag("v1"), in: name)
            #expect(try registry.packageManifest(other.digest, in: name) == other)
            #expect(try registry.verifyLog().faults.isEmpty)
        }
    }

    @Test func `What a manifest needs must be there, and is not collected`() throws {
        try withRegistry { registry throws in
            let needed = try push([1, 2, 3], to: registry)
            let loose = try push([4, 5, 6], to: registry)
            let package = manifest("m")
            #expect { try registry.push(package, needing: [digest([9])], and: [], tags: [], in: name) } throws: {
                ($0 as? RegistryError)?.reference == digest([9])
            }
            try registry.push(package, needing: [needed], and: [], tags: [], in: name)
            #expect(try registry.collect().files.isEmpty)
            #expect(try registry.previewCollection(everything).files.map(\.digest.description) == [loose])
            #expect(try registry.collect(everything).files.map(\.digest.description) == [loose])
            #expect(try registry.packageBlob(loose, in: name) == nil)
            #expect(try registry.packageBlob(needed, in: name) != nil)
            #expect { try registry.removePackageBlob(needed, in: name) } throws: {
                ($0 as? RegistryError)?.code == .conflict
            }
            try registry.removePackageManifest(package.digest, in: name)
            #expect(try registry.collect(everything).files.map(\.digest.description) == [needed])
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `Collections take abandoned uploads and unknown files`() throws {
        try withRegistry { registry throws in
            let open = try registry.startUpload("00000000-0000-4000-8000-000000000004", to: name)
            do { _ = try registry.startUpload("00000000-0000-4000-8000-000000000005", to: name) }
            let stray = registry.packageStore.path(of: SHA256.hash([7]))
            try push([7], to: registry)
            try registry.removePackageBlob(digest([7]), in: name)
            try registry.catalog.write { try $0.execute(sql: "DELETE FROM ociFile") }
            #expect(Directory.kind(of: stray) == .file)
            #expect(try registry.collect().files.isEmpty)
            #expect(try registry.collect(everything).files.map(\.isUnknown) == [true])
            #expect(Directory.kind(of: stray) == nil)
            #expect(try registry.upload("00000000-0000-4000-8000-000000000005", to: name) == nil)
            try open.append([1])
            try registry.finish(open, as: digest([1]))
        }
    }

    @Test func `Damage is found`() throws {
        try withRegistry { registry throws in
            let one = try push([1], to: registry)
            let two = try push([2], to: registry)
            let paths = try [one, two].map { try #require(try registry.packageBlob($0, in: name)).path }
            try registry.push(manifest("m"), needing: [one, two], and: [], tags: [], in: name)
            try Directory.remove(paths[0])
            try Directory.remove(paths[1])
            try Data([3]).write(to: URL(fileURLWithPath: paths[1]))
            try registry.catalog.write { try $0.execute(sql: "UPDATE ociManifest SET bytes = x'00'") }
            #expect(Set(try registry.check().map(\.kind)) == [.missingFile, .damagedFile, .damagedDocument])
            #expect(Set(try registry.check().compactMap(\.digest?.description)) == [one, two])
            // The same bytes heal a file.
            try push([1], to: registry)
            try push([2], to: registry)
            #expect(try registry.check().map(\.kind) == [.damagedDocument])
        }
    }

    @Test func `Missing and damaged files come back from a backup`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            let digests = try [[UInt8(1)], [2]].map { try push($0, to: registry) }
            try registry.push(manifest("m"), needing: digests, and: [], tags: [], in: name)
            _ = try registry.backUp(to: "\(folder)/b")
            let paths = try digests.map { try #require(try registry.packageBlob($0, in: name)).path }
            for path in paths { try Directory.remove(path) }
            try Data([3]).write(to: URL(fileURLWithPath: paths[1]))
            #expect(try registry.repair().findings.count == 2)
            let report = try registry.repair(from: ["\(folder)/b"])
            #expect(report.repairs.count == 2)
            #expect(report.findings.isEmpty, "\(report.findings)")
            #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: paths[1]))) == [2])
        }
    }

    @Test func `A backup has the packages`() throws {
        let file = try adapterFile(3)
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            let digest = try #require(Digest(parsing: try push(file, to: registry)))
            let package = manifest("m", adapter: digest)
            try registry.push(package, needing: [digest.description], and: [], tags: [tag("v1")], in: name)
            _ = try registry.backUp(to: "\(folder)/b")
            let copy = try Registry(opening: "\(folder)/b")
            #expect(try copy.taggedPackage(tag("v1"), in: name) == .manifest(package))
            #expect(try copy.packageBlob(digest.description, in: name) != nil)
            #expect(try copy.check().isEmpty)
        }
    }

    @Test func `Mounting needs the blob in the other repository`() throws {
        try withRegistry { registry throws in
            let other = try RepositoryName(parsing: "team/b")
            let blob = try push([1], to: registry)
            let adapter = try registry.push(sample(1), as: reference("team/a:v1")).digest.description
            for digest in [blob, adapter] {
                #expect(try registry.repositories(withPackageBlob: digest) == [name])
                #expect(try !registry.mountPackageBlob(digest, from: other, to: other))
                #expect(try registry.mountPackageBlob(digest, from: name, to: other))
                #expect(try registry.packageBlob(digest, in: other) != nil)
            }
            try registry.remove(reference("team/a:v1"))
            _ = try registry.collect(everything)
            #expect(try registry.check().isEmpty)
        }
    }
}
