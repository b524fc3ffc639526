internal import Dispatch
internal import Synchronization

/// Tells on standard error how far long work has come: a line that is drawn again and again on a terminal, a plain line
/// now and then elsewhere.
///
/// Several threads may advance it. A clock of its own draws it, so that it is seen that something goes on even while
/// nothing advances.
final class Progress: Sendable {
    /// How it is told.
    enum Mode: Sendable {
        case hidden
        /// A line on a terminal that can move its cursor.
        case live
        /// Plain lines, for a file or a build server.
        case lines

        /// Short work is not worth a line, and a log is no place for hundreds.
        fileprivate var interval: DispatchTimeInterval { self == .live ? .milliseconds(120) : .seconds(10) }
        fileprivate var delay: DispatchTimeInterval { self == .live ? .milliseconds(400) : .seconds(1) }
    }

    private struct State {
        var meter: ProgressMeter
        var hasDrawn = false
        var isFinished = false
    }

    private let mode: Mode
    private let start = ContinuousClock.now
    private let state: Mutex<State>

    init(_ verb: String, totalByteCount: Int, mode: Mode) {
        self.mode = mode
        state = Mutex(State(meter: ProgressMeter(verb: verb, total: totalByteCount)))
        if mode != .hidden { draw(after: mode.delay) }
    }

    deinit { finish() }

    /// Says how many bytes there are, where that was not known at the beginning.
    func expect(totalByteCount: Int) {
        state.withLock { $0.meter.total = totalByteCount }
    }

    /// Counts more bytes, or things, as done.
    func advance(by count: Int) {
        state.withLock { $0.meter.done += count }
    }

    /// Says how many of a number of things are done.
    func count(_ done: Int, of total: Int) {
        state.withLock { state in
            state.meter.unit = .things
            state.meter.done = done
            state.meter.total = total
        }
    }

    /// Ends it, and removes the line.
    func finish() {
        state.withLock { state in
            if state.hasDrawn, !state.isFinished { StandardError.write("\r\u{1B}[K") }
            state.isFinished = true
        }
    }

    /// Draws it again and again, until it is finished or nobody holds it any more.
    private func draw(after time: DispatchTimeInterval) {
        DispatchQueue.global().asyncAfter(deadline: .now() + time) { [weak self] in
            guard let self, self.draw() else { return }
            self.draw(after: self.mode.interval)
        }
    }

    /// Draws it; false when it is finished.
    private func draw() -> Bool {
        // Written under the lock: nothing may be drawn behind the end.
        state.withLock { state in
            guard !state.isFinished else { return false }
            let elapsed = ContinuousClock.now - start
            if mode == .live {
                state.hasDrawn = true
                StandardError.write("\r\u{1B}[K" + state.meter.line(after: elapsed, width: StandardError.width))
            } else {
                StandardError.write(state.meter.line(after: elapsed, width: nil) + "\n")
            }
            return true
        }
    }
}
