import AdapterFormat
import AdapterRegistry
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import OCIDistribution
import Testing

struct ImageLayoutTests {
    /// Pushes a sample adapter to a layout and gives the bytes of its file.
    static func export(to layout: ImageLayout, in folder: String, seed: UInt64 = 1, tag: String = "v1") throws -> (
        bytes: [UInt8], push: PackagePush
    ) {
        let path = "\(folder)/\(seed).adpt"
        _ = try AdapterFileWriter.write(SampleAdapters.plain(seed: seed), toPath: path)
        let file = try AdapterFile(opening: path)
        let package = try AdapterPackage(file, digest: file.digest())
        let push = try PackagePush(
            package, weights: InputFile(opening: path),
            documents: [PackageDocument(kind: .other, name: "note.txt", text: "seed \(seed)")], to: layout, tags: [tag])
        return (try InputFile.contents(of: path, limit: 1 << 20), push)
    }

    @Test func `what goes in comes out, byte for byte`() throws {
        try withTemporaryDirectory { folder in
            let layout = ImageLayout("\(folder)/layout")
            let (bytes, push) = try Self.export(to: layout, in: folder)
            #expect(push.sentByteCount > bytes.count)
            for selector in ["v1", "", push.digest.description] {
                let package = try FetchedPackage(selector, from: layout)
                #expect(package.fetched.digest == push.digest)
                guard case .adapter(let descriptor) = package.content else {
                    Issue.record("no adapter file")
                    return
                }
                let output = try OutputFile(resuming: "\(folder)/out")
                _ = try layout.download(descriptor, to: output, isAdapterFile: true, progress: nil)
                #expect(try InputFile.contents(of: "\(folder)/out", limit: 1 << 20) == bytes)
            }
            let documents = try PackageDocument.fetch(about: push.digest, from: layout) { Issue.record("\($0)") }
            #expect(documents == [PackageDocument(kind: .other, name: "note.txt", text: "seed 1")])
        }
    }

    @Test func `the same adapter again changes nothing but the tag`() throws {
        try withTemporaryDirectory { folder in
            let layout = ImageLayout("\(folder)/layout")
            let first = try Self.export(to: layout, in: folder).push
            let again = try Self.export(to: layout, in: folder, tag: "v2").push
            #expect(first.digest == again.digest)
            #expect(again.sentByteCount == 0)
            #expect(try layout.tags() == ["v1", "v2"])
            _ = try Self.export(to: layout, in: folder, seed: 2, tag: "v1")
            #expect(try layout.tags() == ["v2", "v1"])
            #expect(ociError { _ = try FetchedPackage("", from: layout) }?.code == .notFound)
            #expect(ociError { _ = try FetchedPackage("v3", from: layout) }?.code == .notFound)
        }
    }

    @Test func `damage is found`() throws {
        try withTemporaryDirectory { folder in
            let layout = ImageLayout("\(folder)/layout")
            let (bytes, push) = try Self.export(to: layout, in: folder)
            let blobs = "\(folder)/layout/blobs/sha256"
            for name in try Directory.names(in: blobs) {
                let url = URL(fileURLWithPath: "\(blobs)/\(name)")
                let before = try Data(contentsOf: url)
                var damaged = before
                damaged[0] ^= 1
                try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: url.path)
                try damaged.write(to: url)
                let isWeights = before.count == bytes.count
                let isManifest = name == push.digest.hexadecimal
                if isWeights || isManifest {
                    let error = ociError {
                        let package = try FetchedPackage("v1", from: layout)
                        guard case .adapter(let descriptor) = package.content else { return }
                        _ = try layout.download(
                            descriptor, to: OutputFile(resuming: "\(folder)/out"), isAdapterFile: true, progress: nil)
                    }
                    #expect(error?.code == .digestMismatch)
                }
                try before.write(to: url)
            }
        }
    }

    @Test(arguments: [
        #"{"imageLayoutVersion":"2.0.0"}"#, "{}", "nonsense", #"{"imageLayoutVersion":1}"#,
    ])
    func `what is no layout is refused`(_ mark: String) throws {
        try withTemporaryDirectory { folder in
            #expect(ociError { _ = try ImageLayout(folder).index() }?.code == .notFound)
            try Data(mark.utf8).write(to: URL(fileURLWithPath: "\(folder)/oci-layout"))
            try Data(ImageIndex().bytes).write(to: URL(fileURLWithPath: "\(folder)/index.json"))
            #expect(ociError { _ = try ImageLayout(folder).index() }?.code == .invalidDocument)
        }
    }
}
