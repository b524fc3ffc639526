import Synchronization

/// Counts what the server does, for Prometheus (text exposition format 0.0.4).
final class Metrics: Sendable {
    private struct Requests: Hashable {
        var method: String
        var route: String
        var status: Int
    }

    private struct Histogram {
        var counts = [Int](repeating: 0, count: Metrics.bounds.count)
        var count = 0
        var sum = 0.0
    }

    private struct State {
        var requests: [Requests: Int] = [:]
        var durations: [String: Histogram] = [:]
        var receivedByteCount = 0
        var sentByteCount = 0
        var refusals: [String: Int] = [:]
    }

    private static let bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]

    private let state = Mutex(State())
    private let running = Atomic<Int>(0)
    private let startedAt = ContinuousClock.now

    /// How many requests are under way, this one included.
    func begin() -> Int { running.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Notes the end of a request.
    ///
    /// - Parameters:
    ///   - status: that of the answer; nil when the client has left before it got all of it.
    ///   - record: its route is one of a few names: whatever clients write would fill the memory.
    func end(method: String, status: Int?, seconds: Double, _ record: RequestRecord.State) {
        running.wrappingSubtract(1, ordering: .relaxed)
        state.withLock { state in
            state.receivedByteCount += record.receivedByteCount
            state.sentByteCount += record.sentByteCount
            guard let status else {
                state.refusals["disconnected", default: 0] += 1
                return
            }
            let route = record.route
            state.requests[Requests(method: method, route: route, status: status), default: 0] += 1
            var histogram = state.durations[route] ?? Histogram()
            for (index, bound) in Metrics.bounds.enumerated() where seconds <= bound { histogram.counts[index] += 1 }
            histogram.count += 1
            histogram.sum += seconds
            state.durations[route] = histogram
        }
    }

    /// Notes a request that was not let in.
    func refuse(_ reason: String) { state.withLock { $0.refusals[reason, default: 0] += 1 } }

    /// The page that Prometheus reads.
    func text() -> String {
        let state = state.withLock { $0 }
        var text = ""
        func family(_ name: String, _ type: String, _ help: String, _ lines: [String]) {
            guard !lines.isEmpty else { return }
            text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n" + lines.map { "\($0)\n" }.joined()
        }
        family(
            "adapterd_requests_total", "counter", "Requests answered.",
            state.requests.map { key, count in
                "adapterd_requests_total{method=\"\(key.method)\",route=\"\(key.route)\",status=\"\(key.status)\"} \(count)"
            }.sorted())
        let name = "adapterd_request_duration_seconds"
        family(
            name, "histogram", "Time from a request's head to the end of its answer.",
            state.durations.sorted { $0.key < $1.key }.flatMap { route, histogram in
                zip(Metrics.bounds, histogram.counts).map { bound, count in
                    "\(name)_bucket{route=\"\(route)\",le=\"\(bound)\"} \(count)"
                } + [
                    "\(name)_bucket{route=\"\(route)\",le=\"+Inf\"} \(histogram.count)",
                    "\(name)_sum{route=\"\(route)\"} \(histogram.sum)",
                    "\(name)_count{route=\"\(route)\"} \(histogram.count)",
                ]
            })
        family(
            "adapterd_requests_running", "gauge", "Requests under way.",
            ["adapterd_requests_running \(running.load(ordering: .relaxed))"])
        family(
            "adapterd_refusals_total", "counter", "Requests refused to protect the server.",
            state.refusals.map { "adapterd_refusals_total{reason=\"\($0.key)\"} \($0.value)" }.sorted())
        family(
            "adapterd_received_bytes_total", "counter", "Bytes of request bodies.",
            ["adapterd_received_bytes_total \(state.receivedByteCount)"])
        family(
            "adapterd_sent_bytes_total", "counter", "Bytes of response bodies.",
            ["adapterd_sent_bytes_total \(state.sentByteCount)"])
        let uptime = ContinuousClock.now - startedAt
        family(
            "adapterd_uptime_seconds", "gauge", "Time since the start.",
            ["adapterd_uptime_seconds \(uptime.components.seconds)"])
        return text
    }
}
