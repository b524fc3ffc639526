import AdapterTesting
import FileSystem
import Foundation
import Glibc
import Testing

struct DirectoryTests {
    @Test func `folders are made with those above them, and again`() throws {
        try withTemporaryDirectory { folder in
            for path in ["\(folder)/a/b/c", "\(folder)/a/b/c", "\(folder)/a//d/", "\(folder)/e/\u{301}x/f"] {
                try Directory.create(path)
                #expect(Directory.kind(of: path) == .directory)
            }
            #expect(try Directory.names(in: folder) == ["a", "e"])
            #expect(try Directory.names(in: "\(folder)/e") == ["\u{301}x"])
        }
    }

    @Test func `all files below a folder are found in the order of their bytes`() throws {
        try withTemporaryDirectory { folder in
            for name in ["b", "a/c", "a/b/x", "a.b", ".git/config", "é", "a/skip/y"] {
                try Directory.create(split("\(folder)/\(name)").folder)
                try write([1], to: "\(folder)/\(name)")
            }
            try Directory.create("\(folder)/empty")
            #expect(
                try Directory.files(below: folder, except: { $0 == ".git" || $0 == "a/skip" })
                    == ["a.b", "a/b/x", "a/c", "b", "é"])
            #expect(try Directory.files(below: folder).count == 7)
            try #require(symlink("b", "\(folder)/a/link") == 0)
            let error = #expect(throws: FileSystemError.self) { try Directory.files(below: folder) }
            #expect(error?.code == .wrongKind)
            #expect(error?.path == "\(folder)/a/link")
        }
    }

    @Test func `a folder is not made where a file stands`() throws {
        try withTemporaryDirectory { folder in
            try write([1], to: "\(folder)/file")
            try #require(symlink("none", "\(folder)/dangling") == 0)
            for (name, code) in [
                ("file", .alreadyExists), ("file/inner", .wrongKind), ("dangling", .alreadyExists),
            ] as [(String, FileSystemError.Code)] {
                let error = #expect(throws: FileSystemError.self) { try Directory.create("\(folder)/\(name)") }
                #expect(error?.code == code, "\(name)")
            }
            #expect(try InputFile.contents(of: "\(folder)/file", limit: 1) == [1])
        }
    }

    @Test func `threads may make the same folder at once`() async throws {
        try await withThrowingTaskGroup { group in
            let folder = NSTemporaryDirectory() + "/adapterctl-\(UUID().uuidString)"
            defer { try? Directory.remove(folder) }
            for _ in 0..<16 { group.addTask { try Directory.create("\(folder)/a/b/c/d") } }
            try await group.waitForAll()
            #expect(Directory.kind(of: "\(folder)/a/b/c/d") == .directory)
        }
    }

    @Test func `kinds are told apart, following links`() throws {
        try withTemporaryDirectory { folder in
            try write([1], to: "\(folder)/file")
            try #require(mkfifo("\(folder)/pipe", 0o600) == 0)
            try #require(symlink("file", "\(folder)/link") == 0)
            try #require(symlink(".", "\(folder)/self") == 0)
            try #require(symlink("none", "\(folder)/dangling") == 0)
            #expect(Directory.kind(of: "\(folder)/file") == .file)
            #expect(Directory.kind(of: "\(folder)/link") == .file)
            #expect(Directory.kind(of: "\(folder)/self") == .directory)
            #expect(Directory.kind(of: "\(folder)/pipe") == .other)
            #expect(Directory.kind(of: "\(folder)/dangling") == nil)
            #expect(Directory.kind(of: "\(folder)/none") == nil)
            #expect(Directory.kind(of: "\(folder)/file/inner") == nil)
        }
    }

    @Test func `names are listed in the order of their bytes`() throws {
        try withTemporaryDirectory { folder in
            let names = ["Z", "a", "aa", "b", "e\u{301}", "z", "\u{E9}", "\u{FF5E}", "😀", ".hidden"]
            for name in names { try write([], to: "\(folder)/\(name)") }
            let listed = try Directory.names(in: folder)
            #expect(
                listed.map { Array($0.utf8) } == [".hidden"].map { Array($0.utf8) }
                    + names.dropLast().map { Array($0.utf8) })
            let longest = String(repeating: "x", count: 255)
            try Directory.create("\(folder)/Z2/\(longest)")
            #expect(try Directory.names(in: "\(folder)/Z2") == [longest])
        }
    }

    @Test func `what is not a folder is not listed or flushed`() throws {
        try withTemporaryDirectory { folder in
            try write([1], to: "\(folder)/file")
            for (name, code) in [("file", .wrongKind), ("none", .notFound)] as [(String, FileSystemError.Code)] {
                let path = "\(folder)/\(name)"
                #expect(#expect(throws: FileSystemError.self) { try Directory.names(in: path) }?.code == code)
                #expect(#expect(throws: FileSystemError.self) { try Directory.synchronize(path) }?.code == code)
            }
            try Directory.synchronize(folder)
        }
    }

    @Test func `a folder is removed with everything in it, links are not followed`() throws {
        try withTemporaryDirectory { folder in
            try Directory.create("\(folder)/kept")
            try write([1], to: "\(folder)/kept/file")
            try Directory.create("\(folder)/gone/a/b")
            try write([2], to: "\(folder)/gone/a/b/file")
            try #require(symlink("\(folder)/kept", "\(folder)/gone/a/link") == 0)
            try #require(mkfifo("\(folder)/gone/pipe", 0o600) == 0)
            try Directory.remove("\(folder)/gone")
            #expect(try Directory.names(in: folder) == ["kept"])
            #expect(try InputFile.contents(of: "\(folder)/kept/file", limit: 1) == [1])

            try #require(symlink("kept", "\(folder)/link") == 0)
            try Directory.remove("\(folder)/link")
            #expect(try Directory.names(in: folder) == ["kept"])
            try Directory.remove("\(folder)/kept/file")
            try Directory.remove("\(folder)/none")
            #expect(try Directory.names(in: "\(folder)/kept") == [])
        }
    }

    @Test func `What the system cannot tell is not taken for missing`() throws {
        try withTemporaryDirectory { folder throws in
            let file = "\(folder)/file"
            let output = try OutputFile(beside: file)
            try output.write([1, 2, 3])
            try output.commit(as: file)
            #expect(try Directory.examine(file)?.byteCount == 3)
            #expect(try Directory.examine("\(folder)/other") == nil)
            #expect(try Directory.examine("\(file)/below") == nil)
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/loop", withDestinationPath: "loop")
            for path in ["\(folder)/loop", "\(folder)/" + String(repeating: "x", count: 300)] {
                let error = #expect(throws: FileSystemError.self) { try Directory.examine(path) }
                #expect(error?.message.hasPrefix("Unable to examine '\(path)'") == true)
                #expect(Directory.status(of: path) == nil)
            }
        }
    }
}
