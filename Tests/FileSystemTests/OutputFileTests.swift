import AdapterTesting
import FileSystem
import Glibc
import Testing

struct OutputFileTests {
    @Test func `a file appears on commit, complete and with its mode, and leaves nothing else behind`() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/result"
            do {
                let file = try OutputFile(beside: path)
                try file.write([1, 2, 3])
                try file.write([4])
                #expect(file.offset == 4)
                #expect(Directory.kind(of: path) == nil)
                #expect(Directory.kind(of: file.temporaryPath) == .file)
                #expect(split(file.temporaryPath).name.hasPrefix("."))
                try file.commit(as: path, mode: 0o640)
            }
            #expect(try Directory.names(in: folder) == ["result"])
            #expect(try InputFile.contents(of: path, limit: 10) == [1, 2, 3, 4])
            #expect(try mode(of: path) == 0o640)
        }
    }

    @Test(arguments: [0o600, 0o644, 0o755, 0o444] as [UInt32])
    func `the mode does not depend on the umask`(expected: UInt32) throws {
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            try file.commit(as: "\(folder)/result", mode: expected)
            #expect(try mode(of: "\(folder)/result") == expected)
        }
    }

    @Test func `nobody else can read a file before its commit`() throws {
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            #expect(try mode(of: file.temporaryPath) & 0o077 == 0)
        }
    }

    @Test func `a commit that may not replace keeps what stands there`() throws {
        try withTemporaryDirectory { folder in
            let first = try OutputFile(beside: "\(folder)/result")
            try first.write([1])
            try first.commit(as: "\(folder)/result", mode: 0o600, replacing: false)
            #expect(try Directory.names(in: folder) == ["result"])
            #expect(try mode(of: "\(folder)/result") == 0o600)
            do {
                let second = try OutputFile(beside: "\(folder)/result")
                try second.write([2])
                let error = #expect(throws: FileSystemError.self) {
                    try second.commit(as: "\(folder)/result", replacing: false)
                }
                #expect(error?.code == .alreadyExists)
            }
            #expect(try Directory.names(in: folder) == ["result"])
            #expect(try InputFile.contents(of: "\(folder)/result", limit: 1) == [1])
        }
    }

    @Test func `a file that is dropped is removed and what stood there stays`() throws {
        try withTemporaryDirectory { folder in
            try write([9], to: "\(folder)/result")
            do {
                let file = try OutputFile(beside: "\(folder)/result")
                try file.write([1, 2, 3])
                #expect(try Directory.names(in: folder).count == 2)
            }
            #expect(try Directory.names(in: folder) == ["result"])
            #expect(try InputFile.contents(of: "\(folder)/result", limit: 10) == [9])
        }
    }

    @Test func `a commit replaces what stood there, and an open reader keeps the old bytes`() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/result"
            try write([1, 1, 1], to: path)
            let reader = try InputFile(opening: path)
            try write([2], to: path)
            #expect(try reader.read(at: 0, count: 3) == [1, 1, 1])
            #expect(try InputFile.contents(of: path, limit: 10) == [2])
        }
    }

    @Test func `a commit over a folder fails and removes the temporary file`() throws {
        try withTemporaryDirectory { folder in
            try Directory.create("\(folder)/result/inner")
            do {
                let file = try OutputFile(beside: "\(folder)/result")
                let error = #expect(throws: FileSystemError.self) { try file.commit(as: "\(folder)/result") }
                #expect(error?.code == .wrongKind)
            }
            #expect(try Directory.names(in: folder) == ["result"])
        }
    }

    @Test func `bytes skipped by a seek read as zero and earlier ones can be replaced`() throws {
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            file.seek(to: 4)
            try file.write([5, 6])
            #expect(file.offset == 6)
            try file.write([1, 2], at: 0)
            #expect(file.offset == 6)
            try file.write([])
            #expect(try file.read(at: 0, count: 6) == [1, 2, 0, 0, 5, 6])
            #expect(try file.read(at: 5, count: 1) == [6])
            try file.commit(as: "\(folder)/result")
            #expect(try InputFile.contents(of: "\(folder)/result", limit: 10) == [1, 2, 0, 0, 5, 6])
        }
    }

    @Test func `reading past what was written throws`() throws {
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            try file.write([1, 2])
            let error = #expect(throws: FileSystemError.self) { try file.read(at: 1, count: 2) }
            #expect(error?.code == .truncated)
        }
    }

    @Test(arguments: [-1, Int.min, Int.max]) func `impossible positions throw`(position: Int) throws {
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            #expect(throws: FileSystemError.self) { try file.write([1], at: position) }
            file.seek(to: position)
            #expect(throws: FileSystemError.self) { try file.write([1]) }
            #expect(throws: FileSystemError.self) { try file.read(at: position, count: 1) }
            #expect(throws: FileSystemError.self) { try file.read(at: 0, count: position) }
        }
    }

    @Test func `megabytes arrive whole`() throws {
        try withTemporaryDirectory { folder in
            var generator = SeededGenerator(seed: 1)
            let bytes = generator.bytes(3_000_001)
            try write(bytes, to: "\(folder)/result")
            #expect(try InputFile.contents(of: "\(folder)/result", limit: bytes.count) == bytes)
        }
    }

    @Test func `a missing folder is named`() throws {
        try withTemporaryDirectory { folder in
            let error = #expect(throws: FileSystemError.self) { try OutputFile(beside: "\(folder)/none/result") }
            #expect(error?.code == .notFound)
            #expect(error?.path.hasPrefix("\(folder)/none/") == true)
        }
    }

    @Test(arguments: [
        ("name", ".", "name"), ("a/name", "a", "name"), ("/name", "/", "name"), ("/a/b/name", "/a/b", "name"),
        ("a/name/", "a", "name"), ("a/name///", "a", "name"), ("/", "/", ""), ("///", "/", ""), ("", ".", ""),
        ("a//name", "a/", "name"),
        // A name that starts with a combining mark; and letters outside of ASCII.
        ("/a/\u{301}b", "/a", "\u{301}b"), ("/ä/ö", "/ä", "ö"), ("/a/\u{301}/b", "/a/\u{301}", "b"),
        ("a/\u{301}/", "a", "\u{301}"),
    ])
    func `paths are split at their last slash`(path: String, folder: String, name: String) {
        let parts = split(path)
        #expect(parts.folder == folder)
        #expect(parts.name == name)
    }
}

/// Writes a whole file.
func write(_ bytes: [UInt8], to path: String) throws {
    let file = try OutputFile(beside: path)
    try file.write(bytes)
    try file.commit(as: path)
}

/// The permission bits of a file.
func mode(of path: String) throws -> UInt32 {
    var status = stat()
    guard stat(path, &status) == 0 else { throw FileSystemError.systemCall("examine", path) }
    return status.st_mode & 0o7777
}
