internal import Dispatch
internal import Glibc
internal import Synchronization

/// Work shared by all processors; its result does not depend on how many there are.
package enum Concurrent {
    /// How many processors take part unless a caller says otherwise.
    package static let workerCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// `transform` of each input, in order; inputs are taken up by whichever processor is free.
    ///
    /// - Throws: the error of the first input that has one.
    package static func map<Input: Sendable, Output: Sendable>(
        _ inputs: [Input], workerCount: Int = Concurrent.workerCount,
        _ transform: @Sendable (Input) throws -> Output
    ) throws -> [Output] {
        guard inputs.count > 1, workerCount > 1 else { return try inputs.map(transform) }
        let next = Atomic(0)
        let results = Mutex<[Result<Output, any Error>?]>(Array(repeating: nil, count: inputs.count))
        DispatchQueue.concurrentPerform(iterations: min(workerCount, inputs.count)) { _ in
            while true {
                let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard index < inputs.count else { return }
                let result = Result { try transform(inputs[index]) }
                results.withLock { $0[index] = result }
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
        // Each closure runs on one thread, once, and this function reads the results when both have ended.
        nonisolated(unsafe) let first = first
        nonisolated(unsafe) let second = second
        nonisolated(unsafe) var firstResult: Result<First, any Error>?
        nonisolated(unsafe) var secondResult: Result<Second, any Error>?
        DispatchQueue.concurrentPerform(iterations: 2) { index in
            if index == 0 {
                unsafe firstResult = Result { try unsafe first() }
            } else {
                unsafe secondResult = Result { try unsafe second() }
            }
        }
        guard let first = unsafe firstResult, let second = unsafe secondResult else {
            preconditionFailure("concurrentPerform returned before its iterations")
        }
        return (try first.get(), try second.get())
    }
}
