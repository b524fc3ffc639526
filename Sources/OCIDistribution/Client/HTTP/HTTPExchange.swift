/// What has been sent and received of one exchange; libcurl's callbacks work on it.
final class HTTPExchange {
    /// Takes content as it arrives; it is asked only when the answer is a success.
    typealias Receiver = (HTTPResponse, [UInt8]) throws -> Void

    private static let maximumHeaderByteCount = 64 << 10

    private let request: HTTPRequest
    private let receiver: Receiver?
    private var sentByteCount = 0
    private var headerByteCount = 0
    private(set) var response: HTTPResponse
    /// Whether any content was handed over.
    private(set) var hasDelivered = false
    /// Why this side ended the exchange.
    private(set) var failure: (any Error)?
    /// Whether this side ended the exchange because the rest of an error's text is not wanted.
    private(set) var isCutShort = false

    init(_ request: HTTPRequest, receiver: Receiver?) {
        self.request = request
        self.receiver = receiver
        response = HTTPResponse(url: request.url, status: 0, headers: HTTPHeaders())
    }

    /// The next piece of the body, of at most `count` bytes; nil when it cannot be read.
    func nextPiece(atMost count: Int) -> [UInt8]? {
        let count = min(count, request.body.byteCount - sentByteCount)
        guard count > 0 else { return [] }
        do {
            let piece: [UInt8]
            switch request.body {
            case .none: piece = []
            case .bytes(let bytes): piece = Array(bytes[sentByteCount..<sentByteCount + count])
            case .stream(let source, let range):
                piece = try source.read(at: range.lowerBound + sentByteCount, count: count)
            }
            sentByteCount += count
            request.onSent?(count)
            return piece
        } catch {
            failure = error
            return nil
        }
    }

    /// Goes back in the body, for a server that wants it again.
    func seek(to offset: Int) -> Bool {
        guard (0...request.body.byteCount).contains(offset) else { return false }
        request.onSent?(offset - sentByteCount)
        sentByteCount = offset
        return true
    }

    /// Takes a line of the header; false ends the exchange.
    func take(headerLine line: [UInt8]) -> Bool {
        headerByteCount += line.count
        guard headerByteCount <= HTTPExchange.maximumHeaderByteCount else {
            return end(
                OCIError(
                    .tooLarge,
                    "Unable to read the answer of '\(request.url.host)': its header has more than "
                        + "\(HTTPExchange.maximumHeaderByteCount) bytes."))
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.hasPrefix("HTTP/") {
            // An interim answer may have come before.
            response.headers = HTTPHeaders()
            let parts = text.utf8.split(separator: 0x20)
            response.status = parts.count > 1 ? Int(digits: Substring(parts[1].prefix(3))) ?? 0 : 0
            return true
        }
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return true }
        let value = text[text.utf8.index(after: colon)...].filter { $0 != "\r" && $0 != "\n" && $0 != "\r\n" }
        response.headers.append(String(text[..<colon]), String(Substring(value).trimmingSpaces))
        return true
    }

    /// Takes a piece of the content; false ends the exchange.
    func take(content piece: [UInt8]) -> Bool {
        if response.isSuccess, let receiver {
            hasDelivered = true
            do {
                try receiver(response, piece)
                return true
            } catch {
                return end(error)
            }
        }
        let limit = response.isSuccess ? request.contentLimit : ErrorDocument.maximumByteCount
        guard piece.count <= limit - response.content.count else {
            guard response.isSuccess else {
                isCutShort = true
                return false
            }
            return end(
                OCIError(
                    .tooLarge,
                    "Unable to read the answer of '\(request.url.host)': it has more than \(limit) bytes."))
        }
        response.content += piece
        return true
    }

    private func end(_ error: any Error) -> Bool {
        failure = error
        return false
    }
}
