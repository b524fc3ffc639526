import AdapterTesting
import FileSystem
import Glibc
import Testing

struct InputFileTests {
    @Test func `ranges are read wherever they lie`() throws {
        try withTemporaryDirectory { folder in
            try write(Array(0..<100), to: "\(folder)/file")
            let file = try InputFile(opening: "\(folder)/file")
            #expect(file.byteCount == 100)
            #expect(file.path == "\(folder)/file")
            #expect(file.mode == 0o644)
            #expect(try file.read(at: 0, count: 100) == Array(0..<100))
            #expect(try file.read(at: 97, count: 3) == [97, 98, 99])
            #expect(try file.read(at: 3, count: 1) == [3])
            #expect(try file.read(at: 100, count: 0) == [])
        }
    }

    @Test(arguments: [
        (0, 101), (100, 1), (101, 0), (-1, 1), (0, -1), (Int.max, 1), (1, Int.max), (Int.max, Int.max),
        (Int.min, Int.min),
        (Int.min, 1), (50, Int.max),
    ])
    func `ranges outside of the file throw`(offset: Int, count: Int) throws {
        try withTemporaryDirectory { folder in
            try write(Array(0..<100), to: "\(folder)/file")
            let file = try InputFile(opening: "\(folder)/file")
            let error = #expect(throws: FileSystemError.self) { try file.read(at: offset, count: count) }
            #expect(error?.code == .truncated)
            #expect(error?.path == "\(folder)/file")
        }
    }

    @Test func `a file cut short after it was opened ends in an error`() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/file"
            try write(Array(0..<100), to: path)
            let file = try InputFile(opening: path)
            try #require(truncate(path, 60) == 0)
            #expect(try file.read(at: 0, count: 60).count == 60)
            for (offset, count) in [(0, 61), (60, 1), (59, 2), (99, 1), (0, 100)] {
                let error = #expect(throws: FileSystemError.self) { try file.read(at: offset, count: count) }
                #expect(error?.code == .truncated)
            }
        }
    }

    @Test func `pieces come in order and cover the range`() throws {
        try withTemporaryDirectory { folder in
            var generator = SeededGenerator(seed: 3)
            let bytes = generator.bytes(2_500_000)
            try write(bytes, to: "\(folder)/file")
            let file = try InputFile(opening: "\(folder)/file")
            for range in [0..<bytes.count, 5..<1_048_581, 7..<8, 9..<9, bytes.count..<bytes.count] {
                var pieces: [[UInt8]] = []
                try file.forEachPiece(in: range) { pieces.append($0) }
                #expect(pieces.allSatisfy { !$0.isEmpty && $0.count <= 1 << 20 })
                #expect(Array(pieces.joined()) == Array(bytes[range]))
            }
        }
    }

    @Test(arguments: [0..<6, 5..<Int.max, Int.max - 3..<Int.max, -1..<3, Int.min..<3])
    func `pieces outside of the file throw`(range: Range<Int>) throws {
        try withTemporaryDirectory { folder in
            try write([1, 2, 3, 4, 5], to: "\(folder)/file")
            let file = try InputFile(opening: "\(folder)/file")
            #expect(throws: FileSystemError.self) { try file.forEachPiece(in: range) { _ in } }
        }
    }

    @Test func `small files are read whole, larger ones are refused`() throws {
        try withTemporaryDirectory { folder in
            try write([1, 2, 3], to: "\(folder)/file")
            try write([], to: "\(folder)/empty")
            #expect(try InputFile.contents(of: "\(folder)/file", limit: 3) == [1, 2, 3])
            #expect(try InputFile.contents(of: "\(folder)/empty", limit: 0) == [])
            let error = #expect(throws: FileSystemError.self) {
                try InputFile.contents(of: "\(folder)/file", limit: 2)
            }
            #expect(error?.code == .noSpace)
        }
    }

    @Test func `what is not a regular file is refused without waiting`() async {
        // In a process of its own: one that waits for the other end of the pipe is ended by the alarm.
        await #expect(processExitsWith: .success) {
            alarm(30)
            try withTemporaryDirectory { folder in
                let pipe = "\(folder)/pipe"
                try #require(mkfifo(pipe, 0o600) == 0)
                try #require(symlink(pipe, "\(folder)/link") == 0)
                for path in [folder, pipe, "\(folder)/link", "/dev/null", "/dev/zero", "/dev/full"] {
                    let error = #expect(throws: FileSystemError.self) { try InputFile(opening: path) }
                    #expect(error?.code == .wrongKind, "\(path)")
                }
            }
        }
    }

    @Test func `what cannot be opened is named`() throws {
        try withTemporaryDirectory { folder in
            try write([1], to: "\(folder)/file")
            try #require(symlink("\(folder)/none", "\(folder)/dangling") == 0)
            try #require(symlink("\(folder)/loop", "\(folder)/loop") == 0)
            for (name, code) in [
                ("none", .notFound), ("none/file", .notFound), ("file/inner", .wrongKind), ("dangling", .notFound),
                ("loop", .ioFailure), (String(repeating: "x", count: 300), .ioFailure),
            ] as [(String, FileSystemError.Code)] {
                let path = "\(folder)/\(name)"
                let error = #expect(throws: FileSystemError.self) { try InputFile(opening: path) }
                #expect(error?.code == code)
                #expect(error?.path == path)
                #expect(error?.description.hasPrefix("Unable to open '\(path)': ") == true)
            }
        }
    }

    @Test func `links to regular files are followed`() throws {
        try withTemporaryDirectory { folder in
            try write([1, 2], to: "\(folder)/file")
            try #require(symlink("file", "\(folder)/link") == 0)
            #expect(try InputFile.contents(of: "\(folder)/link", limit: 2) == [1, 2])
        }
    }
}
