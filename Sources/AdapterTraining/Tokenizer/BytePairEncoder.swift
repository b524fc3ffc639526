/// Byte-level byte-pair encoding of one word (Sennrich et al., arXiv 1508.07909, over bytes as in GPT-2).
struct BytePairEncoder: Sendable {
    /// A token and the number of the word's bytes that it stands for.
    struct Piece: Hashable, Sendable {
        var id: Int32
        var byteCount: Int32
    }

    /// The most pieces for which looking at every pair is faster than keeping them in a heap.
    private static let scanLimit = 48

    private struct Merge {
        let rank: Int32
        let id: Int32
    }

    /// The token of each single byte; nil where the vocabulary lacks it.
    private let byteIDs: [Int32?]
    private let merges: [UInt64: Merge]
    /// Whole words, when these come before merging (`ignore_merges`).
    private let words: [[UInt8]: Int32]
    /// The token for bytes that the vocabulary lacks; such bytes are left out when there is none.
    private let unknownID: Int32?
    private let fusesUnknown: Bool

    /// - Parameters:
    ///   - vocabulary: tokens, written in the byte alphabet, with their numbers.
    ///   - merges: pairs of tokens, the most important first.
    /// - Throws: ``TrainingError`` with code `invalidTokenizer` when a merge names a token that does not exist.
    init(
        vocabulary: [String: Int32], merges pairs: [(Substring, Substring)], ignoresMerges: Bool,
        unknownID: Int32?, fusesUnknown: Bool
    ) throws {
        byteIDs = ByteAlphabet.scalars.map { vocabulary[String(Character($0))] }
        var merges: [UInt64: Merge] = [:]
        merges.reserveCapacity(pairs.count)
        for (rank, (left, right)) in pairs.enumerated() {
            guard let leftID = vocabulary[String(left)], let rightID = vocabulary[String(right)],
                let id = vocabulary[String(left + right)]
            else {
                throw TrainingError(
                    .invalidTokenizer,
                    "The tokenizer's merge \(rank + 1) joins '\(left)' and '\(right)', of which one or the result is not "
                        + "in its vocabulary.")
            }
            // A pair that is listed twice keeps its last rank, as in Hugging Face's tokenizers.
            merges[BytePairEncoder.key(leftID, rightID)] = Merge(rank: Int32(clamping: rank), id: id)
        }
        self.merges = merges
        var words: [[UInt8]: Int32] = [:]
        if ignoresMerges {
            words.reserveCapacity(vocabulary.count)
            for (token, id) in vocabulary {
                if let bytes = ByteAlphabet.bytes(of: token) { words[bytes] = id }
            }
        }
        self.words = words
        self.unknownID = unknownID
        self.fusesUnknown = fusesUnknown
    }

    /// Appends the tokens of a word.
    func encode(_ word: ArraySlice<UInt8>, into result: inout [Piece]) {
        if !words.isEmpty, let id = words[Array(word)] {
            result.append(Piece(id: id, byteCount: Int32(clamping: word.count)))
            return
        }
        var pieces = singleBytes(word)
        if pieces.count <= BytePairEncoder.scanLimit { mergeByScanning(&pieces) } else { mergeByHeap(&pieces) }
        result += pieces
    }

    private func singleBytes(_ word: ArraySlice<UInt8>) -> [Piece] {
        var pieces: [Piece] = []
        pieces.reserveCapacity(word.count)
        var skipped: Int32 = 0
        for byte in word {
            if let id = byteIDs[Int(byte)] {
                pieces.append(Piece(id: id, byteCount: 1 + skipped))
                skipped = 0
            } else if let unknownID {
                if fusesUnknown, let last = pieces.last, last.id == unknownID {
                    pieces[pieces.count - 1].byteCount += 1
                } else {
                    pieces.append(Piece(id: unknownID, byteCount: 1))
                }
            } else {
                skipped += 1
            }
        }
        return pieces
    }

    private func merge(_ left: Int32, _ right: Int32) -> Merge? { merges[BytePairEncoder.key(left, right)] }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Again and again joins the most important pair, the leftmost of equals.
    private func mergeByScanning(_ pieces: inout [Piece]) {
        var pairs: [Merge?] = zip(pieces, pieces.dropFirst()).map { merge($0.id, $1.id) }
        while true {
            var best: (index: Int, merge: Merge)?
            for (index, pair) in pairs.enumerated() {
                if let pair, pair.rank < best?.merge.rank ?? Int32.max { best = (index, pair) }
            }
            guard let (index, merge) = best else { return }
            pieces[index] = Piece(id: merge.id, byteCount: pieces[index].byteCount + pieces[index + 1].byteCount)
            pieces.remove(at: index + 1)
            pairs.remove(at: index)
            if index > 0 { pairs[index - 1] = self.merge(pieces[index - 1].id, pieces[index].id) }
            if index < pairs.count { pairs[index] = self.merge(pieces[index].id, pieces[index + 1].id) }
        }
    }

    /// The same in n · log n steps, for words of any length.
    private func mergeByHeap(_ pieces: inout [Piece]) {
        let count = pieces.count
        var next = Array(1...count)
        var previous = Array(-1..<count - 1)
        var heap = MinimumHeap()
        func push(_ left: Int) {
            guard left >= 0, next[left] < count, let merge = merge(pieces[left].id, pieces[next[left]].id) else {
                return
            }
            heap.insert(UInt64(UInt32(bitPattern: merge.rank)) << 32 | UInt64(left))
        }
        for index in 0..<count - 1 { push(index) }
        while let entry = heap.removeFirst() {
            let left = Int(entry & 0xFFFF_FFFF)
            let rank = Int32(truncatingIfNeeded: entry >> 32)
            // An entry is stale when one of its pieces has been joined to another meanwhile.
            guard pieces[left].byteCount > 0, next[left] < count,
                let merge = merge(pieces[left].id, pieces[next[left]].id), merge.rank == rank
            else { continue }
            let right = next[left]
            pieces[left] = Piece(id: merge.id, byteCount: pieces[left].byteCount + pieces[right].byteCount)
            pieces[right].byteCount = 0
            next[left] = next[right]
            if next[left] < count { previous[next[left]] = left }
            push(previous[left])
            push(left)
        }
        pieces.removeAll { $0.byteCount == 0 }
    }
}
