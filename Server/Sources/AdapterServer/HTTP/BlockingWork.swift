import NIOPosix

/// Threads for what waits for the disk, so that the few threads that serve connections never do.
struct BlockingWork: Sendable {
    private let pool: NIOThreadPool

    /// Starts the threads.
    init(threadCount: Int) {
        pool = NIOThreadPool(numberOfThreads: threadCount)
        pool.start()
    }

    /// Runs something on one of the threads.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await pool.runIfActive { try body() }
    }

    /// Ends the threads when their work is done.
    func shutdown() async throws { try await pool.shutdownGracefully() }
}
