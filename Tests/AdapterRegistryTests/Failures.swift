import Synchronization

/// Collects the errors of code that runs on several threads.
final class Failures: Sendable {
    private let errors = Mutex<[String]>([])

    /// Runs a body and keeps its error.
    func record(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            errors.withLock { $0.append("\(error)") }
        }
    }

    var all: [String] { errors.withLock { $0 } }
}
