internal import AdapterFormat
internal import Integrity

/// The segments in which a blob is fetched: whole parts where its header states their digests.
struct DownloadPlan: Sendable {
    struct Segment: Sendable {
        var range: Range<Int>
        /// The parts that the segment consists of; empty when nothing is known of it.
        var parts: [PartVerification.Part] = []
    }

    let segments: [Segment]

    /// Segments of equal length, of which nothing is known.
    init(byteCount: Int, segmentByteCount: Int) {
        segments = stride(from: 0, to: byteCount, by: segmentByteCount).map { start in
            Segment(range: start..<min(start + segmentByteCount, byteCount))
        }
    }

    /// Runs of parts of about equal length, behind a header that is there already.
    init(_ parts: [PartVerification.Part], segmentByteCount: Int) {
        var segments: [Segment] = []
        for part in parts {
            if let last = segments.last, last.range.count + part.range.count <= segmentByteCount {
                segments[segments.count - 1].range = last.range.lowerBound..<part.range.upperBound
                segments[segments.count - 1].parts.append(part)
            } else {
                segments.append(Segment(range: part.range, parts: [part]))
            }
        }
        self.segments = segments
    }
}

/// Verifies the parts of a segment while its bytes come in.
struct PartVerifier: ~Copyable {
    private let verification: PartVerification?
    private let parts: [PartVerification.Part]
    private var index = 0
    private var position: Int
    /// Chunks that are complete, and the one that is not.
    private var chunks: [(part: PartVerification.Part, content: [UInt8])] = []
    private var content: [UInt8] = []
    /// Of a section, which may be long.
    private var hasher = SHA256()

    init(_ segment: DownloadPlan.Segment, _ verification: PartVerification?) {
        self.verification = verification
        parts = segment.parts
        position = segment.range.lowerBound
    }

    /// Takes the next bytes. Everything is verified when the segment's last byte is taken.
    ///
    /// - Throws: ``OCIError`` with code `digestMismatch`; `FormatError` for a chunk that has its digest and is invalid.
    mutating func take(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty, index < parts.count {
            let part = parts[index]
            let piece = rest.prefix(part.range.upperBound - position)
            if part.isChunk { content += piece } else { hasher.update(piece) }
            position += piece.count
            rest = rest.dropFirst(piece.count)
            guard position == part.range.upperBound else { return }
            index += 1
            try complete(part)
        }
    }

    private mutating func complete(_ part: PartVerification.Part) throws {
        if part.isChunk {
            chunks.append((part, content))
            content = []
        } else {
            var finished = SHA256()
            swap(&finished, &hasher)
            guard finished.finalize() == part.digest else { throw changed("section", at: part.range.lowerBound) }
        }
        guard chunks.count == PartVerification.countAtOnce || index == parts.count else { return }
        do {
            try verification?.check(chunks.map(\.part), chunks.map(\.content))
        } catch let error as FormatError where error.code == .digestMismatch {
            throw changed("chunk", at: error.byteOffset ?? part.range.lowerBound)
        }
        chunks = []
    }

    private func changed(_ kind: String, at byteOffset: Int) -> OCIError {
        OCIError(
            .digestMismatch,
            "Unable to fetch the adapter: the \(kind) at byte \(byteOffset) does not have the digest that the file's header "
                + "states. The registry or something on the way has changed it.")
    }
}
