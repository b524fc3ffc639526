import Synchronization
import Testing

@testable import Tensors

/// Work that flows through several threads.
struct ConcurrentFlowTests {
    struct Fault: Error, Equatable { let index: Int }

    @Test(arguments: [1, 2, 3, 8])
    func `results come in the order of the inputs, each once`(workerCount: Int) throws {
        for count in [0, 1, 2, 7, 200] {
            var inputs = Array(0..<count)[...]
            var outputs: [Int] = []
            try Concurrent.flow(workerCount: workerCount) {
                inputs.popFirst()
            } transform: { input in
                // Later inputs are often done before earlier ones.
                (0..<(input % 3) * 2_000).reduce(input * input) { sum, step in sum ^ (step & 0) }
            } consume: {
                outputs.append($0)
            }
            #expect(outputs == (0..<count).map { $0 * $0 })
        }
    }

    @Test(arguments: [1, 2, 5])
    func `no more is drawn ahead than it says`(workerCount: Int) throws {
        let counts = Mutex((drawn: 0, consumed: 0, most: 0))
        try Concurrent.flow(workerCount: workerCount) { () -> Int? in
            counts.withLock { counts in
                guard counts.drawn < 300 else { return nil }
                counts.drawn += 1
                counts.most = max(counts.most, counts.drawn - counts.consumed)
                return counts.drawn
            }
        } transform: { input in
            input
        } consume: { output in
            counts.withLock { counts in
                counts.consumed += 1
                #expect(output == counts.consumed)
            }
        }
        #expect(counts.withLock(\.consumed) == 300)
        #expect(counts.withLock(\.most) <= 2 * workerCount)
    }

    @Test(arguments: [1, 2, 4])
    func `an error wherever it happens ends the flow and comes out`(workerCount: Int) {
        for place in 0..<3 {
            for failing in [0, 1, 9, 49] {
                var next = 0
                var consumed: [Int] = []
                #expect(throws: Fault(index: failing)) {
                    try Concurrent.flow(workerCount: workerCount) { () -> Int? in
                        if place == 0, next == failing { throw Fault(index: next) }
                        next += 1
                        return next <= 50 ? next - 1 : nil
                    } transform: { input in
                        if place == 1, input == failing { throw Fault(index: input) }
                        return input
                    } consume: { output in
                        if place == 2, output == failing { throw Fault(index: output) }
                        consumed.append(output)
                    }
                }
                #expect(consumed == Array(0..<consumed.count))
                #expect(consumed.count <= failing)
            }
        }
    }

    @Test func `of two errors the one of the earlier input comes out`() {
        let bothFail = Mutex(0)
        #expect(throws: Fault(index: 0)) {
            var inputs = [0, 1][...]
            try Concurrent.flow(workerCount: 2) {
                inputs.popFirst()
            } transform: { input -> Int in
                // The first waits until the second is about to fail.
                if input == 0 { while bothFail.withLock({ $0 }) == 0 {} } else { bothFail.withLock { $0 = 1 } }
                throw Fault(index: input)
            } consume: { _ in
            }
        }
    }
}
