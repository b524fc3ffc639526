internal import Integrity
internal import Synchronization

/// The Merkle leaves of a file's chunks, gathered while they are decoded for another purpose.
final class GatheredLeaves: Sendable {
    private let leaves: Mutex<[Digest?]>

    init(chunkCount: Int) {
        leaves = Mutex(Array(repeating: nil, count: chunkCount))
    }

    /// What is known so far, by the chunk's place.
    var all: [Digest?] { leaves.withLock(\.self) }

    /// Takes the leaf of a chunk.
    func gather(_ leaf: Digest, at place: Int) {
        leaves.withLock { $0[place] = leaf }
    }

    /// Whether the chunk's leaf is known.
    func has(_ place: Int) -> Bool { leaves.withLock { $0[place] != nil } }
}
