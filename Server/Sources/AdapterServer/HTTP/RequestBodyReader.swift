import HTTPTypes
import HummingbirdCore
import NIOCore
import OCIDistribution

/// The bytes that a client sends, in pieces of bounded size, no more and no fewer than it announced.
struct RequestBodyReader {
    /// The size to which small pieces are joined.
    static let pieceByteCount = 256 << 10

    private var iterator: RequestBody.AsyncIterator
    private let limit: Int
    private let record: RequestRecord
    /// How many bytes the client announced; nil when it did not say.
    let announced: Int?
    private(set) var byteCount = 0
    private var isFinished = false
    /// Why the rest will not come.
    private var interruption: (any Error)?

    /// - Parameters:
    ///   - limit: how many bytes are accepted.
    ///   - record: counts those that come.
    /// - Throws: ``Failure`` with `SIZE_INVALID` when more are announced than accepted, or when the length is none.
    init(_ request: Request, limit: Int, _ record: RequestRecord) throws {
        self.limit = limit
        self.record = record
        iterator = request.body.makeAsyncIterator()
        if let text = request.headers[.contentLength] {
            guard let count = Int(text), count >= 0 else {
                throw Failure(.badRequest, .sizeInvalid, "Unable to read the request: 'Content-Length' is no number.")
            }
            announced = count
        } else {
            announced = nil
        }
        if let announced, announced > limit { throw tooLarge() }
    }

    /// The next piece; nil at the end.
    ///
    /// - Throws: ``Failure`` with `SIZE_INVALID` when the client sends more than is accepted, or less than it announced;
    ///   ``ClientLeft`` when the rest will not come.
    mutating func next() async throws -> [UInt8]? {
        if let interruption { throw interruption }
        guard !isFinished else {
            try checkLength()
            return nil
        }
        var piece: [UInt8] = []
        while piece.count < RequestBodyReader.pieceByteCount {
            let received: ByteBuffer?
            do {
                received = try await iterator.next()
            } catch {
                let error = ClientLeft(cause: error)
                guard !piece.isEmpty else { throw error }
                // What has come counts; the error is the next piece.
                interruption = error
                break
            }
            guard let buffer = received else {
                isFinished = true
                break
            }
            byteCount += buffer.readableBytes
            record.addReceived(buffer.readableBytes)
            guard byteCount <= limit else { throw tooLarge() }
            if piece.isEmpty {
                piece = Array(buffer.readableBytesView)
            } else {
                piece += buffer.readableBytesView
            }
        }
        guard piece.isEmpty else { return piece }
        try checkLength()
        return nil
    }

    /// All bytes of a small body.
    mutating func all() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try await next() { bytes += piece }
        return bytes
    }

    private func checkLength() throws {
        guard announced == nil || announced == byteCount else {
            throw Failure(
                .badRequest, .sizeInvalid,
                "Unable to read the request: \(announced ?? 0) bytes were announced, \(byteCount) came.")
        }
    }

    private func tooLarge() -> Failure {
        Failure(
            .contentTooLarge, .sizeInvalid,
            "Unable to accept the request: it has more than the \(limit) bytes that are accepted here.")
    }
}

/// A body that ended before its end: there is nobody to answer.
struct ClientLeft: Error {
    /// What the connection said.
    let cause: any Error
}
