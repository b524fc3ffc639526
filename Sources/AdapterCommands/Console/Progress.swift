/// A line on standard error that tells how far long work has come: bytes, rate and time left.
final class Progress {
    private let verb: String
    private let totalByteCount: Int
    private let isVisible: Bool
    private let start = ContinuousClock.now
    private var lastDrawing = ContinuousClock.now
    private var byteCount = 0
    private var hasDrawn = false

    init(verb: String, totalByteCount: Int, isVisible: Bool) {
        self.verb = verb
        self.totalByteCount = totalByteCount
        self.isVisible = isVisible
    }

    deinit { finish() }

    /// Counts more bytes as done.
    func advance(by count: Int) {
        byteCount += count
        guard isVisible, ContinuousClock.now - lastDrawing > .milliseconds(100) else { return }
        lastDrawing = .now
        hasDrawn = true
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let rate = Double(byteCount) / max(seconds, 1e-9)
        let left = max(0, totalByteCount - byteCount)
        let percent = totalByteCount > 0 ? min(100, 100 * byteCount / totalByteCount) : 100
        StandardError.write(
            "\r\u{1B}[K\(verb) \(percent) %  \(Format.bytes(byteCount)) of \(Format.bytes(totalByteCount))  "
                + "\(Format.bytes(Int(rate)))/s  \(Int(Double(left) / rate)) s left")
    }

    /// Says how many of a number of things are done.
    func count(_ done: Int, of total: Int) {
        guard isVisible, ContinuousClock.now - lastDrawing > .milliseconds(100) else { return }
        lastDrawing = .now
        hasDrawn = true
        StandardError.write("\r\u{1B}[K\(verb) \(done) of \(total)")
    }

    /// Removes the line.
    func finish() {
        if hasDrawn { StandardError.write("\r\u{1B}[K") }
        hasDrawn = false
    }
}
