internal import Glibc
internal import Synchronization

/// Threads that work for the length of a call.
///
/// Not Dispatch: its `concurrentPerform` runs on one thread when it is called within another, and blocks of its queues
/// that wait for each other can starve.
enum Threads {
    /// Runs `work` on the calling thread and on up to `count - 1` others, and returns when all have ended.
    static func run(_ count: Int, _ work: @escaping @Sendable () -> Void) {
        let running = Monitor(0)
        for _ in 1..<max(1, count) {
            // Where the system has no more threads, the others do the work.
            guard Worker.start(work, counting: running) else { break }
        }
        work()
        running.wait { $0 == 0 ? () : nil }
    }

    /// Runs `first` on the calling thread while `second` runs on another.
    static func run(_ first: () -> Void, while second: @escaping @Sendable () -> Void) {
        let running = Monitor(0)
        let isStarted = Worker.start(second, counting: running)
        first()
        if isStarted { running.wait { $0 == 0 ? () : nil } } else { second() }
    }
}

/// A thread that goes from one call's work to the next.
///
/// Threads are kept: where the kernel has to place a new one it often puts it beside its creator, on a processor that is
/// busy, and moves it milliseconds later. One that wakes up goes to a processor that is free.
@safe
private final class Worker: Sendable {
    /// Those that have nothing to do.
    private static let idle = Mutex<[Worker]>([])

    private struct Work {
        let body: @Sendable () -> Void
        /// Is one higher until the work has ended.
        let running: Monitor<Int>
    }

    private let work = Monitor<Work?>(nil)

    /// Gives work to a thread that has none, or to a new one.
    ///
    /// - Parameter running: is one higher until the work has ended and its closure is released.
    /// - Returns: false when the system has no more threads.
    static func start(_ body: @escaping @Sendable () -> Void, counting running: Monitor<Int>) -> Bool {
        guard let worker = idle.withLock({ $0.popLast() }) ?? Worker.new() else { return false }
        running.change { $0 += 1 }
        worker.work.change { $0 = Work(body: body, running: running) }
        return true
    }

    private static func new() -> Worker? {
        let worker = Worker()
        var thread = pthread_t()
        let retained = unsafe Unmanaged.passRetained(worker)
        let status = unsafe pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer = unsafe pointer else { return nil }
                unsafe Unmanaged<Worker>.fromOpaque(pointer).takeRetainedValue().runs()
                return nil
            }, retained.toOpaque())
        guard status == 0 else {
            unsafe retained.release()
            return nil
        }
        pthread_detach(thread)
        return worker
    }

    private func runs() {
        while true {
            let running = runNext()
            // First, so that the caller's next call finds this thread.
            Worker.idle.withLock { $0.append(self) }
            running.change { $0 -= 1 }
        }
    }

    /// Waits for work and does it. A function of its own: when it returns, nothing holds the closure, which does not
    /// escape from the call that it belongs to.
    @inline(never)
    private func runNext() -> Monitor<Int> {
        let next = work.wait { work in
            defer { work = nil }
            return work
        }
        next.body()
        return next.running
    }
}

/// A value that threads share, and wait for to change.
///
/// Unchecked: the value is reached only while the lock is held.
@safe
package final class Monitor<Value>: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    package init(_ value: Value) {
        self.value = value
        // With default attributes neither fails on Linux.
        _ = unsafe pthread_mutex_init(lock, nil)
        _ = unsafe pthread_cond_init(changed, nil)
    }

    deinit {
        _ = unsafe pthread_cond_destroy(changed)
        _ = unsafe pthread_mutex_destroy(lock)
        unsafe changed.deallocate()
        unsafe lock.deallocate()
    }

    /// Changes the value and wakes all who wait.
    package func change<Result>(_ body: (inout Value) -> Result) -> Result {
        _ = unsafe pthread_mutex_lock(lock)
        defer {
            _ = unsafe pthread_cond_broadcast(changed)
            _ = unsafe pthread_mutex_unlock(lock)
        }
        return body(&value)
    }

    /// Waits until `body` finds what it looks for.
    package func wait<Result>(_ body: (inout Value) -> Result?) -> Result {
        _ = unsafe pthread_mutex_lock(lock)
        defer { _ = unsafe pthread_mutex_unlock(lock) }
        while true {
            if let result = body(&value) { return result }
            _ = unsafe pthread_cond_wait(changed, lock)
        }
    }
}
