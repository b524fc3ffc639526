internal import Glibc
internal import Synchronization

/// Work shared by all processors; its result does not depend on how many there are.
package enum Concurrent {
    /// How many processors take part unless a caller says otherwise: all, or as many as the environment variable
    /// `ADAPTERCTL_THREADS` says, from 1 to 1024.
    package static let workerCount: Int = {
        if let wanted = unsafe getenv("ADAPTERCTL_THREADS").flatMap({ unsafe Int(String(cString: $0)) }),
            (1...1024).contains(wanted)
        {
            return wanted
        }
        return max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    }()

    /// How many processors take part in work that holds some mebibytes for each: so many exceed what memory and disks
    /// give, and more would only hold more.
    package static let pieceWorkerCount = min(workerCount, 32)

    /// `transform` of each input, in order; inputs are taken up in order by whichever processor is free.
    ///
    /// - Throws: the error of the first input that has one; inputs behind it may be left out.
    package static func map<Input: Sendable, Output: Sendable>(
        _ inputs: [Input], workerCount: Int = Concurrent.workerCount,
        _ transform: @Sendable (Input) throws -> Output
    ) throws -> [Output] {
        guard inputs.count > 1, workerCount > 1 else { return try inputs.map(transform) }
        let next = Atomic(0)
        let results = Mutex<[Result<Output, any Error>?]>(Array(repeating: nil, count: inputs.count))
        withoutActuallyEscaping(transform) { transform in
            Threads.run(min(workerCount, inputs.count)) {
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < inputs.count else { return }
                    let result = Result { try transform(inputs[index]) }
                    results.withLock { $0[index] = result }
                    // Every input before this one has been taken up, so the first error is among those that end.
                    if case .failure = result { next.store(inputs.count, ordering: .relaxed) }
                }
            }
        }
        return try results.withLock { try $0.compactMap { try $0?.get() } }
    }

    /// The results of two pieces of work done at the same time.
    ///
    /// - Throws: the error of the first, else of the second.
    package static func both<First, Second>(
        _ first: () throws -> First, _ second: () throws -> Second
    ) throws -> (First, Second) {
        var firstResult: Result<First, any Error>?
        // Written by one thread, read when it has ended.
        nonisolated(unsafe) var secondResult: Result<Second, any Error>?
        withoutActuallyEscaping(second) { second in
            nonisolated(unsafe) let second = second
            Threads.run {
                firstResult = Result { try first() }
            } while: {
                unsafe secondResult = Result { try unsafe second() }
            }
        }
        guard let firstResult, let secondResult = unsafe secondResult else {
            preconditionFailure("a thread ended before its work")
        }
        return (try firstResult.get(), try secondResult.get())
    }
}
