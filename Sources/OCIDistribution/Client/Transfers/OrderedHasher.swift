internal import FileSystem
internal import Synchronization

/// Computes the digest of a file whose segments become complete in any order, while further ones come in.
final class OrderedHasher: Sendable {
    private struct State: ~Copyable {
        var isComplete: [Bool]
        var next = 0
        var isBusy = false
    }

    private struct Hashing: ~Copyable {
        var hasher: ContentHasher
    }

    private let file: PositionedOutput
    private let ranges: [Range<Int>]
    private let state: Mutex<State>
    private let hashing: Mutex<Hashing>

    init(_ file: PositionedOutput, _ ranges: [Range<Int>], _ algorithm: ContentDigest.Algorithm) {
        self.file = file
        self.ranges = ranges
        state = Mutex(State(isComplete: Array(repeating: false, count: ranges.count)))
        hashing = Mutex(Hashing(hasher: ContentHasher(algorithm)))
    }

    /// Notes that a segment is complete, and hashes what has become contiguous unless another thread does.
    func complete(_ segment: Int) throws {
        state.withLock { $0.isComplete[segment] = true }
        while let next = claim() {
            try hash(ranges[next])
            state.withLock { state in
                state.next += 1
                state.isBusy = false
            }
        }
    }

    /// The digest of the whole file; all segments are complete.
    func finalize() -> ContentDigest {
        hashing.withLock { hashing in
            var finished = ContentHasher()
            swap(&finished, &hashing.hasher)
            return finished.finalize()
        }
    }

    private func claim() -> Int? {
        state.withLock { state in
            guard !state.isBusy, state.next < state.isComplete.count, state.isComplete[state.next] else { return nil }
            state.isBusy = true
            return state.next
        }
    }

    private func hash(_ range: Range<Int>) throws {
        try hashing.withLock { hashing in
            for start in stride(from: range.lowerBound, to: range.upperBound, by: 1 << 20) {
                hashing.hasher.update(try file.read(at: start, count: min(1 << 20, range.upperBound - start)))
            }
        }
    }
}
