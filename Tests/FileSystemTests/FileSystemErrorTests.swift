import FileSystem
import Glibc
import Testing

struct FileSystemErrorTests {
    @Test(
        arguments: [
            (ENOENT, .notFound), (ENOTDIR, .wrongKind), (EISDIR, .wrongKind), (EEXIST, .alreadyExists),
            (ENOTEMPTY, .alreadyExists), (EACCES, .permissionDenied), (EPERM, .permissionDenied), (EROFS, .readOnly),
            (ENOSPC, .noSpace), (EDQUOT, .noSpace), (EFBIG, .noSpace), (EIO, .ioFailure), (EXDEV, .ioFailure),
            (EMFILE, .ioFailure), (0, .ioFailure), (-1, .ioFailure), (100_000, .ioFailure),
        ] as [(Int32, FileSystemError.Code)])
    func `each failure of the system has a code, a path and a sentence`(number: Int32, code: FileSystemError.Code) {
        let error = FileSystemError.systemCall("write", "/some/path", number: number)
        #expect(error.code == code)
        #expect(error.path == "/some/path")
        #expect(error.message.hasPrefix("Unable to write '/some/path': "))
        #expect(error.message.hasSuffix("."))
        #expect(error.description == error.message)
    }

    @Test func `the system's own words are quoted where ours would say less`() {
        #expect(FileSystemError.systemCall("write", "p", number: ENOSPC).message.contains("No space left on device"))
        #expect(FileSystemError.systemCall("write", "p", number: EIO).message.contains("(errno \(EIO))"))
    }

    @Test func `errno is read when no number is given`() {
        let descriptor = open("/dev/full", O_WRONLY)
        defer { close(descriptor) }
        let count = Glibc.write(descriptor, "x", 1)
        let error = FileSystemError.systemCall("write", "/dev/full")
        #expect(count == -1)
        #expect(error.code == .noSpace)
    }
}
