import Synchronization

/// What is known of a request while it is answered, for the log and the metrics: however it ends, they tell who asked for
/// what, and how much went over the line.
final class RequestRecord: Sendable {
    struct State {
        /// What was asked for, one of a few names.
        var route = "other"
        /// Who has asked; `-` as long as that is not known.
        var actor = "-"
        /// How many bytes of the body have come.
        var receivedByteCount = 0
        /// How many bytes of the answer's body were handed on to the connection.
        var sentByteCount = 0
    }

    private let content = Mutex(State())

    /// What is known so far.
    var state: State { content.withLock(\.self) }

    /// Notes what was asked for.
    func note(route: String) { content.withLock { $0.route = route } }

    /// Notes who has asked.
    func note(actor: String) { content.withLock { $0.actor = actor } }

    /// Counts bytes that have come.
    func addReceived(_ count: Int) { content.withLock { $0.receivedByteCount += count } }

    /// Counts bytes that were sent.
    func addSent(_ count: Int) { content.withLock { $0.sentByteCount += count } }
}
