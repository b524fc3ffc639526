internal import AdapterFormat
internal import Integrity

/// The segments in which a blob is fetched: whole parts where its header states their digests.
struct DownloadPlan: Sendable {
    struct Segment: Sendable {
        var range: Range<Int>
        /// The parts that the segment consists of; empty when nothing is known of it.
        var parts: [PartDigests.Part] = []
    }

    let segments: [Segment]

    /// Segments of equal length, of which nothing is known.
    init(byteCount: Int, segmentByteCount: Int) {
        segments = stride(from: 0, to: byteCount, by: segmentByteCount).map { start in
            Segment(range: start..<min(start + segmentByteCount, byteCount))
        }
    }

    /// Runs of parts of about equal length, behind a header that is there already.
    init(_ parts: [PartDigests.Part], segmentByteCount: Int) {
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

/// Compares the parts of a segment with their digests while its bytes come in.
struct PartVerifier: ~Copyable {
    private let parts: [PartDigests.Part]
    private var index = 0
    private var position: Int
    private var hasher = SHA256()

    init(_ segment: DownloadPlan.Segment) {
        parts = segment.parts
        position = segment.range.lowerBound
        if let first = parts.first { hasher = first.makeHasher() }
    }

    /// Takes the next bytes.
    ///
    /// - Throws: ``OCIError`` with code `digestMismatch`.
    mutating func take(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty, index < parts.count {
            let part = parts[index]
            let piece = rest.prefix(part.range.upperBound - position)
            hasher.update(piece)
            position += piece.count
            rest = rest.dropFirst(piece.count)
            guard position == part.range.upperBound else { return }
            // Starts the next part and gives what was hashed of this one.
            index += 1
            var finished = index < parts.count ? parts[index].makeHasher() : SHA256()
            swap(&finished, &hasher)
            guard finished.finalize() == part.digest else {
                throw OCIError(
                    .digestMismatch,
                    "Unable to fetch the adapter: the chunk at byte \(part.range.lowerBound) does not have the digest that "
                        + "the file's header states. The registry or something on the way has changed it.")
            }
        }
    }
}
