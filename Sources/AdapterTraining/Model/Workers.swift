internal import Dispatch
internal import Synchronization
internal import Tensors

/// Threads among which the tasks of a computation are shared.
///
/// Tasks are cut by the shape of the work alone and write apart from each other, so the result has the same bits
/// whichever thread takes which task, and however many there are.
package struct Workers: Sendable {
    /// The number of threads.
    package let count: Int

    /// As many threads as there are processors, or fewer or more.
    package init(count: Int = Concurrent.workerCount) { self.count = max(1, count) }

    /// Runs tasks 0 ..< `taskCount` and waits for them; `body` is told the task and, 0 ..< ``count``, who runs it.
    package func forEach(_ taskCount: Int, _ body: (_ task: Int, _ worker: Int) -> Void) {
        guard count > 1, taskCount > 1 else {
            for task in 0..<taskCount { body(task, 0) }
            return
        }
        let next = Atomic(0)
        // The closure returns before this function does.
        nonisolated(unsafe) let body = body
        DispatchQueue.concurrentPerform(iterations: min(count, taskCount)) { worker in
            while true {
                let task = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard task < taskCount else { return }
                unsafe body(task, worker)
            }
        }
    }

    /// Cuts `count` into parts of about `size` and runs a task for each. Their number is even where that costs little,
    /// as two threads are common.
    package func forEachPart(of count: Int, size: Int, _ body: (_ part: Range<Int>, _ worker: Int) -> Void) {
        let parts = Workers.parts(of: count, size: size)
        forEach(parts.count) { body(parts[$0], $1) }
    }

    /// The parts of ``forEachPart(of:size:_:)``: of equal sizes but for one, multiples of 16.
    package static func parts(of count: Int, size: Int) -> [Range<Int>] {
        guard count > 0 else { return [] }
        var partCount = (count + size - 1) / size
        if partCount % 2 == 1, count >= 64 { partCount += 1 }
        let step = max(16, ((count + partCount - 1) / partCount + 15) / 16 * 16)
        return stride(from: 0, to: count, by: step).map { $0..<min($0 + step, count) }
    }
}
