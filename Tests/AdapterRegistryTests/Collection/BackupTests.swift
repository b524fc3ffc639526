import AdapterTesting
import FileSystem
import Foundation
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct BackupTests {
    @Test func `A backup is a registry that has everything`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r", actor: "tester")
            for seed in 1...4 { _ = try registry.push(sample(UInt64(seed)), as: reference("a/\(seed):v1")) }
            try registry.tag(reference("a/1:v1"), as: reference("a/1:live"))
            let report = try registry.backUp(to: "\(folder)/b")
            #expect(report.fileCount == 4)
            #expect(report.missing.isEmpty)
            // Life goes on in the original.
            try registry.remove(reference("a/2:v1"))
            _ = try registry.collect(CollectionRules(grace: .zero))
            let copy = try Registry(opening: "\(folder)/b")
            #expect(try copy.list().count == 5)
            #expect(try copy.check().isEmpty)
            #expect(try copy.log().map(\.hash) == registry.log().suffix(5).map(\.hash))
            _ = try copy.push(sample(9), as: reference("a/9:v1"))
            #expect(try copy.verifyLog().faults.isEmpty)
        }
    }

    @Test func `A backup has no leases: their owners know nothing of it`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            let stored = try registry.push(sample(1), as: reference("a"))
            try registry.withLease { lease in
                try lease.protect([stored.digest])
                _ = try registry.backUp(to: "\(folder)/b")
            }
            let copy = try Registry(opening: "\(folder)/b")
            #expect(try copy.catalog.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM lease") } == 0)
        }
    }

    @Test func `A backup waits for a collection that removes files`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            _ = try registry.push(sample(1), as: reference("a"))
            let failures = Failures()
            let done = DispatchSemaphore(value: 0)
            var isWaiting = false
            var collection: FileLock? = try FileLock(waitingFor: registry.collectionLockPath)
            try withExtendedLifetime(collection) { () throws in
                Thread.detachNewThread {
                    failures.record { _ = try registry.backUp(to: "\(folder)/b") }
                    done.signal()
                }
                isWaiting = done.wait(timeout: .now() + 0.5) == .timedOut
                let names = try Directory.names(in: folder)
                #expect(!names.contains("b"))
            }
            collection = nil
            #expect(isWaiting)
            if isWaiting { done.wait() }
            #expect(failures.all.isEmpty)
            #expect(try Registry(opening: "\(folder)/b").check().isEmpty)
        }
    }

    @Test func `While others write, a backup is one state of the registry`() throws {
        try withTemporaryDirectory { folder throws in
            let failures = Failures()
            do { _ = try Registry(opening: "\(folder)/r") }
            DispatchQueue.concurrentPerform(iterations: 4) { worker in
                failures.record {
                    let registry = try Registry(opening: "\(folder)/r")
                    for round in 0..<15 {
                        switch worker {
                        case 0: _ = try registry.backUp(to: "\(folder)/b\(round)")
                        case 1: _ = try registry.collect(CollectionRules(grace: .zero))
                        default:
                            _ = try registry.push(
                                sample(UInt64(round * 10 + worker)), as: reference("w\(worker):v1"))
                            if round % 2 == 1 { try registry.remove(reference("w\(worker):v1")) }
                        }
                    }
                }
            }
            #expect(failures.all.isEmpty, "\(failures.all)")
            for round in 0..<15 {
                let copy = try Registry(opening: "\(folder)/b\(round)")
                #expect(try copy.check().filter(\.isDamage).isEmpty)
            }
        }
    }

    @Test func `Nothing is overwritten, and what a killed backup left goes`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            _ = try registry.push(sample(1), as: reference("a"))
            try Directory.create("\(folder)/full/x")
            let error = #expect(throws: RegistryError.self) { try registry.backUp(to: "\(folder)/full") }
            #expect(error?.code == .conflict)
            try Directory.create("\(folder)/b.partial/blobs")
            try replace("\(folder)/b.partial/lock", with: [])
            let lock = try FileLock(waitingFor: "\(folder)/b.partial/lock")
            withExtendedLifetime(lock) {
                let busy = #expect(throws: RegistryError.self) { try registry.backUp(to: "\(folder)/b") }
                #expect(busy?.code == .conflict)
            }
            try replace("\(folder)/c.partial", with: [])
            try Directory.remove("\(folder)/b.partial/lock")
            _ = try registry.backUp(to: "\(folder)/b/")
            #expect(try Directory.names(in: folder) == ["b", "c.partial", "full", "r"])
            #expect(try Registry(opening: "\(folder)/b", mode: .readOnly).list().count == 1)
        }
    }

    @Test func `A file that the registry lacks is named, and the rest is backed up`() throws {
        try withTemporaryDirectory { folder throws in
            let registry = try Registry(opening: "\(folder)/r")
            let lost = try registry.push(sample(1), as: reference("a"))
            _ = try registry.push(sample(2), as: reference("b"))
            try Directory.remove(lost.path)
            let report = try registry.backUp(to: "\(folder)/b")
            #expect(report.missing == [lost.digest])
            #expect(report.fileCount == 1)
        }
    }
}
