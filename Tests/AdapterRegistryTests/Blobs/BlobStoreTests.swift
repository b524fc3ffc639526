import AdapterTesting
import FileSystem
import Foundation
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct BlobStoreTests {
    private func withStore<Result>(_ body: (BlobStore) throws -> Result) throws -> Result {
        try withTemporaryDirectory { directory in
            let store = BlobStore(directory: directory)
            try store.create()
            return try body(store)
        }
    }

    private func put(_ bytes: [UInt8], in store: BlobStore) throws -> Digest {
        let digest = SHA256.hash(bytes)
        let file = try store.makeTemporary()
        try file.write(bytes)
        try store.commit(file, as: digest)
        return digest
    }

    @Test func `A blob stands under its digest, write-protected and whole`() throws {
        try withStore { store in
            #expect(try store.isEmpty())
            let digest = try put(Array("abc".utf8), in: store)
            // FIPS 180-2, appendix B.1.
            let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            let path = "\(store.directory)/blobs/sha256/ba/\(name)"
            #expect(store.path(of: digest) == path)
            #expect(try InputFile.contents(of: path, limit: 10) == Array("abc".utf8))
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o444)
            #expect(try store.digestOfBytes(storedAs: digest) == digest)
            #expect(try !store.isEmpty())
            #expect(try Directory.names(in: "\(store.directory)/tmp").isEmpty)
        }
    }

    @Test func `The same bytes again heal a damaged blob`() throws {
        try withStore { store in
            let bytes = [UInt8](repeating: 7, count: 3 << 20)
            let digest = try put(bytes, in: store)
            try flipByte(of: store.path(of: digest), at: 2 << 20)
            #expect(try store.digestOfBytes(storedAs: digest) != digest)
            #expect(try put(bytes, in: store) == digest)
            #expect(try store.digestOfBytes(storedAs: digest) == digest)
        }
    }

    @Test func `Temporaries of ended owners are removed, those of living ones stay`() throws {
        try withStore { store in
            let living = try store.makeTemporary()
            try living.write([1, 2, 3])
            // What a killed process leaves: a file that nobody has locked.
            let abandoned = "\(store.directory)/tmp/.1-dead.tmp"
            try replace(abandoned, with: [1])
            try store.removeAbandonedTemporaries()
            #expect(Directory.kind(of: abandoned) == nil)
            #expect(Directory.kind(of: living.temporaryPath) == .file)
            try store.commit(living, as: SHA256.hash([1, 2, 3]))
        }
    }

    @Test(arguments: [true, false])
    func `Creating a temporary and cleaning up wait for each other`(_ isCleaning: Bool) throws {
        try withStore { store in
            let path = "\(store.directory)/tmp/.1-fresh.tmp"
            // A file that has been created and not yet been locked; who is at this point holds the registry's lock.
            try replace(path, with: [1])
            let failures = Failures()
            let done = DispatchSemaphore(value: 0)
            do {
                let lock = try FileLock(waitingFor: "\(store.directory)/lock", exclusive: !isCleaning)
                try withExtendedLifetime(lock) { () throws -> Void in
                    Thread.detachNewThread {
                        failures.record {
                            if isCleaning {
                                try store.removeAbandonedTemporaries()
                            } else {
                                _ = try store.makeTemporary()
                            }
                        }
                        done.signal()
                    }
                    #expect(done.wait(timeout: .now() + 0.2) == .timedOut)
                    #expect(try Directory.names(in: "\(store.directory)/tmp") == [".1-fresh.tmp"])
                }
            }
            #expect(done.wait(timeout: .now() + 20) == .success)
            #expect(failures.all.isEmpty)
            #expect((Directory.kind(of: path) == nil) == isCleaning)
        }
    }

    @Test func `Creating temporaries while others clean up never loses one`() throws {
        try withStore { store throws in
            let failures = Failures()
            DispatchQueue.concurrentPerform(iterations: 8) { worker in
                for round in 0..<50 {
                    failures.record {
                        if worker < 4 {
                            _ = try put(Array("\(worker) \(round)".utf8), in: store)
                        } else {
                            try store.removeAbandonedTemporaries()
                        }
                    }
                }
            }
            #expect(failures.all.isEmpty)
            #expect(try files(below: "\(store.directory)/blobs").count == 200)
        }
    }
}
