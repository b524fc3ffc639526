internal import COpenSSL
internal import CPairedSHA256

extension SHA256 {
    /// Whether two messages hashed side by side take less time than one after the other.
    private static let hasLanes = cpaired_sha256_is_supported() != 0

    /// The digests of messages; before each stands `prefix`, if there is one.
    ///
    /// Two messages at a time are hashed side by side, in less time than one after the other: the processor's SHA
    /// instructions of one wait for each other. Where one ends, the next takes its place.
    package static func hashes(of messages: [[UInt8]], prefix: UInt8? = nil) -> [Digest] {
        var digests = [Digest?](repeating: nil, count: messages.count)
        // The longest first: what is left at the end, where a message is alone, is short.
        var waiting = messages.indices.sorted { messages[$0].count < messages[$1].count }
        var lane: Lane?
        while let index = waiting.popLast() {
            var next = Lane(index, prefix, messages[index])
            guard hasLanes else {
                digests[index] = next.digest()
                continue
            }
            guard var first = lane else {
                lane = next
                continue
            }
            Lane.advance(&first, &next)
            // One of them has no whole block left.
            (lane, next) = first.blockCount > 0 ? (first, next) : (next, first)
            digests[next.index] = next.digest()
        }
        if let lane { digests[lane.index] = lane.digest() }
        return digests.compactMap(\.self)
    }

    /// A message on its way through the compression function.
    private struct Lane {
        /// The message's place among all.
        let index: Int
        private let message: [UInt8]
        private let prefix: UInt8?
        private let totalBlockCount: Int
        private var context = SHA256_CTX()

        /// The whole blocks that are not hashed yet.
        private(set) var blockCount: Int

        init(_ index: Int, _ prefix: UInt8?, _ message: [UInt8]) {
            self.index = index
            self.message = message
            self.prefix = prefix
            totalBlockCount = ((prefix == nil ? 0 : 1) + message.count) / blockByteCount
            blockCount = totalBlockCount
            _ = unsafe SHA256_Init(&context)
        }

        /// Hashes blocks of both until one of them has no whole block left.
        static func advance(_ first: inout Lane, _ second: inout Lane) {
            while first.blockCount > 0, second.blockCount > 0 {
                let count = min(first.runCount, second.runCount)
                let runs = (first.run, second.run)
                unsafe runs.0.withUnsafeBufferPointer { firstRun in
                    unsafe runs.1.withUnsafeBufferPointer { secondRun in
                        guard let firstBlocks = firstRun.baseAddress, let secondBlocks = secondRun.baseAddress else {
                            return
                        }
                        unsafe cpaired_sha256_blocks(
                            &first.context.h.0, firstBlocks, &second.context.h.0, secondBlocks, count)
                    }
                }
                first.blockCount -= count
                second.blockCount -= count
            }
        }

        private var isAtStart: Bool { blockCount == totalBlockCount }

        /// How many blocks lie behind each other in ``run``.
        private var runCount: Int { isAtStart && prefix != nil ? 1 : blockCount }

        /// The next blocks: the first one holds the prefix, which is not in the message, so it stands alone.
        private var run: ArraySlice<UInt8> {
            guard isAtStart, let prefix else { return message[hashedByteCount...] }
            return [prefix] + message.prefix(blockByteCount - 1)
        }

        /// How much of the message is hashed.
        private var hashedByteCount: Int {
            isAtStart ? 0 : blockByteCount * (totalBlockCount - blockCount) - (prefix == nil ? 0 : 1)
        }

        /// The digest, once what is left is hashed too.
        func digest() -> Digest {
            var hasher = SHA256()
            hasher.context = context
            let bitCount = UInt64(8 * blockByteCount * (totalBlockCount - blockCount))
            hasher.context.Nl = UInt32(truncatingIfNeeded: bitCount)
            hasher.context.Nh = UInt32(truncatingIfNeeded: bitCount >> 32)
            if isAtStart, let prefix { hasher.update(prefix) }
            hasher.update(message[hashedByteCount...])
            return hasher.finalize()
        }
    }
}
