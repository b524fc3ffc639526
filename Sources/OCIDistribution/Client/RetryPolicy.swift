internal import CCurl
internal import Glibc

/// How often and when a request that failed for a passing reason is sent again.
public struct RetryPolicy: Sendable {
    /// How many times a request is sent at most.
    public var attemptCount: Int
    /// How long the first pause is at most; every further one is twice as long.
    public var firstPause: Duration
    /// The longest pause of this program's own choice.
    public var longestPause: Duration
    /// The longest pause that a server may ask for.
    public var longestServerPause: Duration
    /// Waits.
    public var wait: @Sendable (Duration) -> Void

    /// The defaults: six attempts within about half a minute.
    public init(
        attemptCount: Int = 6, firstPause: Duration = .milliseconds(500), longestPause: Duration = .seconds(20),
        longestServerPause: Duration = .seconds(120),
        wait: (@Sendable (Duration) -> Void)? = nil
    ) {
        self.attemptCount = attemptCount
        self.firstPause = firstPause
        self.longestPause = longestPause
        self.longestServerPause = longestServerPause
        self.wait = wait ?? { pause in _ = usleep(UInt32(clamping: pause.milliseconds * 1000)) }
    }

    /// Waits before the attempt after `attempt` failed ones, or says that there shall be none.
    func waits(after error: OCIError, attempt: Int) -> Bool {
        guard error.isTransient, attempt < attemptCount else { return false }
        if let asked = error.retryAfter {
            guard asked <= longestServerPause else { return false }
            wait(asked)
            return true
        }
        var pause = firstPause
        for _ in 1..<max(1, attempt) where pause < longestPause { pause *= 2 }
        pause = min(pause, longestPause)
        // Between half of it and all of it, so that clients that failed together do not come back together.
        wait(pause * Double.random(in: 0.5...1))
        return true
    }
}

extension OCIError {
    /// Whether the same request may succeed a moment later.
    var isTransient: Bool { [.network, .serverFailure, .tooManyRequests].contains(code) }

    /// The value of a `Retry-After` header: seconds, or a date (RFC 9110 section 10.2.3).
    static func pause(retryAfter text: String, now: Int = time(nil)) -> Duration? {
        if let seconds = Int(digits: text) { return .seconds(min(seconds, 1 << 30)) }
        let date = unsafe ccurl_getdate(text)
        return date < 0 ? nil : .seconds(max(0, date - now))
    }
}
