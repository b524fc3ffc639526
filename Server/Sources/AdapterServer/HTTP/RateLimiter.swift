import Synchronization

/// Lets each address send so many requests a second, and twice as many at once.
final class RateLimiter: Sendable {
    private struct Bucket {
        var tokens: Double
        var at: ContinuousClock.Instant
    }

    private static let addressLimit = 10_000

    private let rate: Double
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameter rate: requests a second; 0 for any number.
    init(rate: Int) { self.rate = Double(rate) }

    /// Nil when the address may go on, else in how many seconds it may.
    func refusal(for address: String, at now: ContinuousClock.Instant = .now) -> Int? {
        guard rate > 0 else { return nil }
        return buckets.withLock { buckets in
            // An attacker with many addresses shall not fill the memory; starting anew is kind to everybody.
            if buckets.count >= RateLimiter.addressLimit { buckets = [:] }
            var bucket = buckets[address] ?? Bucket(tokens: 2 * rate, at: now)
            let elapsed = now - bucket.at
            let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
            bucket.tokens = min(2 * rate, bucket.tokens + max(0, seconds) * rate)
            bucket.at = now
            defer { buckets[address] = bucket }
            guard bucket.tokens >= 1 else { return max(1, Int(((1 - bucket.tokens) / rate).rounded(.up))) }
            bucket.tokens -= 1
            return nil
        }
    }
}
