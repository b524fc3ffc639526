internal import Synchronization

/// A progress line that several threads advance.
final class ConcurrentProgress: Sendable {
    private let progress: Mutex<Progress>

    init(_ console: Console, _ verb: String, totalByteCount: Int) {
        let isVisible = console.showsProgress
        progress = Mutex(Progress(verb: verb, totalByteCount: totalByteCount, isVisible: isVisible))
    }

    /// Counts more bytes as done.
    func advance(by count: Int) {
        progress.withLock { $0.advance(by: count) }
    }

    /// Removes the line.
    func finish() {
        progress.withLock { $0.finish() }
    }
}
