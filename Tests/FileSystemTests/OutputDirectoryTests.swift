import AdapterTesting
import FileSystem
import Glibc
import Testing

struct OutputDirectoryTests {
    @Test(arguments: ["result", "result/", "above/it/result", "\u{301}result"])
    func `a folder appears on commit with its files`(name: String) throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/\(name)"
            do {
                let output = try OutputDirectory(creating: path)
                #expect(output.path == path)
                #expect(Directory.kind(of: path) == nil)
                try write([1], to: "\(output.temporaryPath)/file")
                try output.commit()
            }
            #expect(try Directory.names(in: path) == ["file"])
            #expect(try Directory.names(in: split(path).folder) == [split(path).name])
        }
    }

    @Test func `a name may be as long as the file system permits`() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/\(String(repeating: "n", count: 255))"
            try OutputDirectory(creating: path).commit()
            #expect(Directory.kind(of: path) == .directory)
        }
    }

    @Test func `an empty folder is replaced`() throws {
        try withTemporaryDirectory { folder in
            try Directory.create("\(folder)/result")
            let output = try OutputDirectory(creating: "\(folder)/result")
            try write([1], to: "\(output.temporaryPath)/file")
            try output.commit()
            #expect(try Directory.names(in: "\(folder)/result") == ["file"])
        }
    }

    @Test func `what exists already is refused and kept`() throws {
        try withTemporaryDirectory { folder in
            try Directory.create("\(folder)/full")
            try write([1], to: "\(folder)/full/kept")
            try write([2], to: "\(folder)/file")
            for name in ["full", "file", "full/"] {
                let error = #expect(throws: FileSystemError.self) {
                    try OutputDirectory(creating: "\(folder)/\(name)")
                }
                #expect(error?.code == .alreadyExists)
            }
            #expect(try Directory.names(in: folder) == ["file", "full"])
            #expect(try InputFile.contents(of: "\(folder)/full/kept", limit: 1) == [1])
        }
    }

    @Test func `a folder filled by somebody else meanwhile is kept`() throws {
        try withTemporaryDirectory { folder in
            do {
                let output = try OutputDirectory(creating: "\(folder)/result")
                try write([1], to: "\(output.temporaryPath)/ours")
                try Directory.create("\(folder)/result")
                try write([2], to: "\(folder)/result/theirs")
                let error = #expect(throws: FileSystemError.self) { try output.commit() }
                #expect(error?.code == .alreadyExists)
            }
            #expect(try Directory.names(in: folder) == ["result"])
            #expect(try Directory.names(in: "\(folder)/result") == ["theirs"])
        }
    }

    @Test func `a folder that is dropped is removed with its files`() throws {
        try withTemporaryDirectory { folder in
            do {
                let output = try OutputDirectory(creating: "\(folder)/result")
                try Directory.create("\(output.temporaryPath)/inner")
                try write([1], to: "\(output.temporaryPath)/inner/file")
                #expect(try Directory.names(in: folder).count == 1)
            }
            #expect(try Directory.names(in: folder) == [])
        }
    }
}
