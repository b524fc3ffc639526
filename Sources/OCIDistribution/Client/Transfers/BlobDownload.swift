internal import AdapterFormat
internal import AdapterRegistry
internal import FileSystem
internal import Integrity
internal import Synchronization
internal import Tensors

/// One blob on its way from a registry into a file.
final class BlobDownload: Sendable {
    /// The registry sends the whole blob whatever part is asked for.
    private struct RangesUnsupported: Error {}
    /// Another segment has failed.
    private struct Cancelled: Error {}

    /// A segment is not asked for more often than this, however little each answer brings.
    private static let maximumAttemptCount = 100
    /// How much of an adapter file is fetched first: its header, if it is no longer.
    private static let firstByteCount = 256 << 10

    private let client: RegistryClient
    private let repository: RepositoryName
    private let descriptor: Descriptor
    private let isAdapterFile: Bool
    private let progress: (@Sendable (Int) -> Void)?
    /// What ended the transfer: the first failure of a segment.
    private let failure = Mutex<(any Error)?>(nil)
    private let isCancelled = Atomic(false)
    private let arrivedByteCount = Atomic(0)
    private let fetchedByteCount = Atomic(0)
    /// An interruption costs the segments that are under way; of a small blob they are no large part of it.
    private static let segmentCount = 64
    private static let smallestSegmentByteCount = 1 << 20

    init(
        client: RegistryClient, repository: RepositoryName, descriptor: Descriptor, isAdapterFile: Bool,
        progress: (@Sendable (Int) -> Void)?
    ) {
        self.client = client
        self.repository = repository
        self.descriptor = descriptor
        self.isAdapterFile = isAdapterFile
        self.progress = progress
    }

    /// Fetches everything that is missing and checks the whole.
    ///
    func run(into output: OutputFile) throws -> FetchedBlob {
        let verification = try fetchAll(into: output)
        return FetchedBlob(
            verification: verification, fetchedByteCount: fetchedByteCount.load(ordering: .relaxed))
    }

    private func fetchAll(into output: OutputFile) throws -> PartVerification? {
        do {
            if descriptor.byteCount > client.options.partByteCount {
                // What an earlier process has left may be damaged: then once more, from nothing.
                for mayResume in [true, false] {
                    if case .complete(let verification) = try fetchInSegments(into: output, mayResume: mayResume) {
                        return verification
                    }
                }
            }
        } catch is RangesUnsupported {
            report(-arrivedByteCount.load(ordering: .relaxed))
        } catch let error as FormatError {
            // It is as its publisher made it, and no valid adapter file.
            output.discard()
            throw error
        }
        try fetchWhole(into: output)
        return nil
    }

    private enum Outcome {
        case complete(PartVerification?)
        /// What an earlier process has left is damaged.
        case damaged
    }

    private func report(_ count: Int) {
        guard count != 0 else { return }
        arrivedByteCount.wrappingAdd(count, ordering: .relaxed)
        progress?(count)
    }

    // MARK: One after the other

    private func fetchWhole(into output: OutputFile) throws {
        var attempt = 0
        while true {
            attempt += 1
            do {
                return try fetchWholeOnce(into: output)
            } catch is RangesUnsupported {
                // The connection broke and the rest cannot be asked for: from the beginning.
                report(-arrivedByteCount.load(ordering: .relaxed))
                let broken = OCIError(
                    .network,
                    "Unable to fetch \(descriptor.digest) from '\(client.host)': the connection breaks, and the registry "
                        + "does not send parts.")
                guard client.options.retry.waits(after: broken, attempt: attempt) else { throw broken }
            }
        }
    }

    private func fetchWholeOnce(into output: OutputFile) throws {
        try output.resize(to: 0)
        let file = output.positioned
        var hasher = ContentHasher(descriptor.digest.algorithm)
        let segment = DownloadPlan.Segment(range: 0..<descriptor.byteCount)
        try fetch(segment, isWhole: true) { piece, position in
            try file.write(piece, at: position)
            hasher.update(piece)
        }
        let digest = hasher.finalize()
        guard digest == descriptor.digest else {
            output.discard()
            throw client.mismatch(descriptor, "what came has the digest \(digest)")
        }
    }

    // MARK: In segments

    private func fetchInSegments(into output: OutputFile, mayResume: Bool) throws -> Outcome {
        let share = max(BlobDownload.smallestSegmentByteCount, descriptor.byteCount / BlobDownload.segmentCount)
        let size = min(client.options.partByteCount, share)
        var head: [UInt8] = []
        var verification: PartVerification?
        if isAdapterFile {
            head = try fetchHeader()
            verification = try PartVerification(header: head, fileByteCount: descriptor.byteCount)
        }
        let plan =
            verification.map { DownloadPlan($0.parts, segmentByteCount: size) }
            ?? DownloadPlan(byteCount: descriptor.byteCount, segmentByteCount: size)
        if !mayResume { try output.resize(to: 0) }
        let identity = SHA256.hash(Array("\(descriptor.digest) \(size) \(head.count)".utf8)).bytes
        let journal = try DownloadJournal(
            output, byteCount: descriptor.byteCount, segmentCount: plan.segments.count, identity: identity)
        let file = output.positioned
        try file.write(head, at: 0)
        let hasher = OrderedHasher(
            file, [0..<head.count] + plan.segments.map(\.range), descriptor.digest.algorithm)
        try hasher.complete(0)
        for (index, segment) in plan.segments.enumerated() where journal.isComplete[index] {
            report(segment.range.count)
            try hasher.complete(index + 1)
        }
        let missing = plan.segments.indices.filter { !journal.isComplete[$0] }
        do {
            _ = try Concurrent.map(missing, workerCount: client.options.connectionCount) { [verification] index in
                guard !self.isCancelled.load(ordering: .relaxed) else { throw Cancelled() }
                do {
                    try self.fetch(plan.segments[index], into: file, verification)
                    try journal.complete(index)
                    try hasher.complete(index + 1)
                } catch {
                    self.failure.withLock { $0 = $0 ?? error }
                    self.isCancelled.store(true, ordering: .relaxed)
                    throw error
                }
            }
        } catch is Cancelled {
            // A segment that was given up stands before the one that failed.
            throw failure.withLock(\.self) ?? Cancelled()
        }
        let digest = hasher.finalize()
        guard digest == descriptor.digest else {
            if missing.count < plan.segments.count, mayResume {
                report(-arrivedByteCount.load(ordering: .relaxed))
                return .damaged
            }
            output.discard()
            throw client.mismatch(descriptor, "what came has the digest \(digest)")
        }
        try output.resize(to: descriptor.byteCount)
        return .complete(verification)
    }

    private func fetch(
        _ segment: DownloadPlan.Segment, into file: PositionedOutput, _ verification: PartVerification?
    ) throws {
        var verifier = PartVerifier(segment, verification)
        try fetch(segment, isWhole: false) { piece, position in
            guard !self.isCancelled.load(ordering: .relaxed) else { throw Cancelled() }
            try verifier.take(piece)
            try file.write(piece, at: position)
        }
    }

    /// The header of an adapter file, which says where its chunks are and what digests they have.
    private func fetchHeader() throws -> [UInt8] {
        func fetch(_ range: Range<Int>) throws -> [UInt8] {
            var bytes: [UInt8] = []
            try self.fetch(DownloadPlan.Segment(range: range), isWhole: false) { piece, _ in bytes += piece }
            return bytes
        }
        let start = try fetch(0..<min(descriptor.byteCount, BlobDownload.firstByteCount))
        let count = try PartVerification.headerByteCount(start: start, fileByteCount: descriptor.byteCount)
        guard count > start.count else {
            report(count - start.count)
            return Array(start[..<count])
        }
        return try start + fetch(start.count..<count)
    }

    // MARK: Requests

    /// Fetches a segment, asking again for the rest of it when a connection breaks.
    ///
    /// - Parameter isWhole: whether the segment is the whole blob and no range need be asked for.
    private func fetch(
        _ segment: DownloadPlan.Segment, isWhole: Bool, _ body: ([UInt8], _ position: Int) throws -> Void
    ) throws {
        var position = segment.range.lowerBound
        var attempt = 0
        var total = 0
        while position < segment.range.upperBound {
            attempt += 1
            total += 1
            let before = position
            do {
                try request(position..<segment.range.upperBound, isWhole: isWhole) { piece in
                    guard piece.count <= segment.range.upperBound - position else {
                        throw client.mismatch(descriptor, "more bytes came than were asked for")
                    }
                    try body(piece, position)
                    position += piece.count
                    report(piece.count)
                }
                guard position > before else {
                    throw OCIError(.network, "Unable to fetch \(descriptor.digest): '\(client.host)' sends no bytes.")
                }
            } catch let error as OCIError {
                if position > before { attempt = 1 }
                guard total < BlobDownload.maximumAttemptCount,
                    client.options.retry.waits(after: error, attempt: attempt)
                else { throw error }
            }
        }
    }

    private func request(_ range: Range<Int>, isWhole: Bool, _ body: ([UInt8]) throws -> Void) throws {
        var request = HTTPRequest(.get, try client.url(repository, "blobs/\(descriptor.digest)"))
        let asksForRange = !isWhole || range.lowerBound > 0
        if asksForRange { request.headers = [("Range", RangeRequest.header(range))] }
        request.patience = .transfer
        // A document's limit would end the exchange of a blob that came without anybody to take it.
        let response = try withoutActuallyEscaping(body) { body in
            try client.send(request, scope: [client.scope(repository, "pull")]) { response, piece in
                try self.check(response, range, asksForRange: asksForRange, isWhole: isWhole)
                self.fetchedByteCount.wrappingAdd(piece.count, ordering: .relaxed)
                try body(piece)
            }
        }
        guard [200, 206].contains(response.status) else {
            throw client.failure(response, "fetch \(descriptor.digest) from '\(client.host)'")
        }
    }

    /// Throws unless an answer is the part that was asked for.
    private func check(_ response: HTTPResponse, _ range: Range<Int>, asksForRange: Bool, isWhole: Bool) throws {
        switch response.status {
        case 206:
            guard asksForRange, let text = response.headers["Content-Range"], let sent = ContentRange(parsing: text),
                sent.range.lowerBound == range.lowerBound, sent.range.upperBound <= range.upperBound,
                sent.byteCount == nil || sent.byteCount == descriptor.byteCount
            else {
                throw client.mismatch(descriptor, "another part came than was asked for")
            }
        case 200:
            // The whole blob: right when it was asked for, and when the part is all of it.
            if let count = response.headers.byteCount("Content-Length"), count != descriptor.byteCount {
                throw client.mismatch(descriptor, "it has \(count) bytes there")
            }
            guard range == 0..<descriptor.byteCount else { throw RangesUnsupported() }
        default:
            throw client.failure(response, "fetch \(descriptor.digest) from '\(client.host)'")
        }
    }
}
