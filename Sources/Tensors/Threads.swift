internal import Glibc

/// Threads for the length of a call.
///
/// Not Dispatch: its `concurrentPerform` runs on one thread when it is called within another, and blocks of its queues
/// that wait for each other can starve.
@safe
enum Threads {
    /// Runs `work` on the calling thread and on up to `count - 1` others, and returns when all have ended.
    static func run(_ count: Int, _ work: @escaping @Sendable () -> Void) {
        var threads: [pthread_t] = []
        for _ in 1..<max(1, count) {
            // Where the system has no more threads, the others do the work.
            guard let thread = start(work) else { break }
            threads.append(thread)
        }
        work()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// Runs `first` on the calling thread while `second` runs on another.
    static func run(_ first: () -> Void, while second: @escaping @Sendable () -> Void) {
        let thread = start(second)
        first()
        if let thread { pthread_join(thread, nil) } else { second() }
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    private static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        var thread = pthread_t()
        let work = unsafe Unmanaged.passRetained(Work(body))
        let status = unsafe pthread_create(
            &thread, nil,
            { pointer in
                guard let pointer = unsafe pointer else { return nil }
                unsafe Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard status == 0 else {
            unsafe work.release()
            return nil
        }
        return thread
    }
}

/// A value that threads share, and wait for to change.
///
/// Unchecked: the value is reached only while the lock is held.
@safe
final class Monitor<Value>: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    init(_ value: Value) {
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
    func change<Result>(_ body: (inout Value) -> Result) -> Result {
        _ = unsafe pthread_mutex_lock(lock)
        defer {
            _ = unsafe pthread_cond_broadcast(changed)
            _ = unsafe pthread_mutex_unlock(lock)
        }
        return body(&value)
    }

    /// Waits until `body` finds what it looks for.
    func wait<Result>(_ body: (inout Value) -> Result?) -> Result {
        _ = unsafe pthread_mutex_lock(lock)
        defer { _ = unsafe pthread_mutex_unlock(lock) }
        while true {
            if let result = body(&value) { return result }
            _ = unsafe pthread_cond_wait(changed, lock)
        }
    }
}
