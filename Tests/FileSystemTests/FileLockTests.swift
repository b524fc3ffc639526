import AdapterTesting
import FileSystem
import Foundation
import Glibc
import Synchronization
import Testing

struct FileLockTests {
    @Test func `a lock makes its file, holds it and releases it`() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/lock"
            let error = #expect(throws: FileSystemError.self) { try FileLock.isAbandoned(path) }
            #expect(error?.code == .notFound)
            #expect(Directory.kind(of: path) == nil)
            do {
                let lock = try FileLock(waitingFor: path)
                // Twice: examining a lock must not take it.
                for _ in 0..<2 { #expect(try FileLock.isAbandoned(path) == false) }
                withExtendedLifetime(lock) {}
            }
            #expect(try becomesAbandoned(path))
            #expect(try becomesAbandoned(path))
            _ = try FileLock(waitingFor: path)
            #expect(try InputFile.contents(of: path, limit: 0) == [])
        }
    }

    @Test func `shared locks coexist and keep out an exclusive one`() throws {
        try withTemporaryDirectory { folder in
            let path = "\(folder)/lock"
            var first: FileLock? = try FileLock(waitingFor: path, exclusive: false)
            var second: FileLock? = try FileLock(waitingFor: path, exclusive: false)
            #expect(first != nil && second != nil)
            first = nil
            #expect(try !FileLock.isAbandoned(path))
            second = nil
            #expect(try becomesAbandoned(path))
        }
    }

    @Test func `a temporary file is owned as long as its writer lives`() throws {
        try withTemporaryDirectory { folder in
            let path: String
            do {
                let file = try OutputFile(in: folder)
                path = file.temporaryPath
                #expect(try FileLock.isAbandoned(path) == false)
                withExtendedLifetime(file) {}
            }
            #expect(Directory.kind(of: path) == nil)
            // What a writer leaves behind that was killed.
            try write([1], to: path)
            #expect(try becomesAbandoned(path))
        }
    }

    @Test(.timeLimit(.minutes(1))) func `one waits for the other`() async throws {
        let path = NSTemporaryDirectory() + "/adapterctl-\(UUID().uuidString).lock"
        defer { unlink(path) }
        let holder = try FileLock(waitingFor: path)
        let wasReleased = Flag()
        let waiter = Task.detached {
            _ = try FileLock(waitingFor: path)
            return wasReleased.isSet
        }
        // Time to run into the lock; however late the waiter starts, it may not have it before it is released.
        try await Task.sleep(for: .milliseconds(200))
        wasReleased.set()
        _ = consume holder
        #expect(try await waiter.value)
        #expect(try becomesAbandoned(path))
    }

    @Test func `the kernel releases the lock of a process that dies`() async throws {
        let path = NSTemporaryDirectory() + "/adapterctl-\(UUID().uuidString).lock"
        defer { unlink(path) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let lock = try FileLock(waitingFor: path)
            try #require(try FileLock.isAbandoned(path) == false)
            kill(getpid(), SIGKILL)
            withExtendedLifetime(lock) {}
        }
        #expect(try becomesAbandoned(path))
    }

    /// Whether nobody holds the lock, now or soon.
    ///
    /// A process that another test is just starting shares every open file, and so every lock, until it has replaced its
    /// program.
    private func becomesAbandoned(_ path: String) throws -> Bool {
        for _ in 0..<200 {
            if try FileLock.isAbandoned(path) { return true }
            usleep(20_000)
        }
        return false
    }
}

/// Something that happened, as another thread sees it.
private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
}
