import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import OCIDistribution

extension AdapterServer {
    /// Answers one request, whatever happens on the way.
    func respond(
        to request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel
    ) async throws {
        let startedAt = ContinuousClock.now
        let id = RandomText.hexadecimal(byteCount: 8)
        let running = metrics.begin()
        var route = "other"
        var actor = "-"
        var reply: Reply
        let outbound = writer
        do {
            let address = channel.remoteAddress?.ipAddress ?? "local"
            try admit(address, running)
            let welcome: @Sendable () async throws -> Void
            if request.headers[.expect]?.lowercased() == "100-continue" {
                let handle = InterimWriter(channel)
                welcome = { try await handle.writeContinue() }
            } else {
                welcome = {}
            }
            (reply, route, actor) = try await self.reply(to: request, welcome: welcome)
        } catch {
            if error is CancellationError || error is ChannelError {
                metrics.abandon()
                throw error
            }
            let failure = Failure(error)
            if failure.isServers {
                logger.error("A request failed", metadata: ["request": "\(id)", "error": "\(error)"])
            }
            reply = failure.reply
        }
        reply.headers[.requestID] = id
        reply.headers[.contentTypeOptions] = "nosniff"
        let bodyless = request.method == .head || reply.status == .noContent || reply.status == .notModified
        // The answer to HEAD may know the length of what it does not send.
        if reply.status != .noContent, reply.status != .notModified, reply.headers[.contentLength] == nil {
            reply.headers[.contentLength] = String(reply.byteCount)
        }
        let sent = bodyless ? 0 : reply.byteCount
        defer {
            let elapsed = ContinuousClock.now - startedAt
            let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
            metrics.end(
                method: Self.knownMethods.contains(request.method) ? request.method.rawValue : "OTHER", route: route,
                status: reply.status.code, seconds: seconds,
                received: request.headers[.contentLength].flatMap(Int.init) ?? 0, sent: sent)
            logger.info(
                "request",
                metadata: [
                    "request": "\(id)", "method": "\(request.method)", "path": "\(request.uri.path)",
                    "status": "\(reply.status.code)", "bytes": "\(sent)", "user": "\(actor)",
                    "milliseconds": "\((seconds * 10_000).rounded() / 10)",
                    "address": "\(channel.remoteAddress?.ipAddress ?? "local")",
                ])
        }
        try await send(reply, bodyless, outbound)
    }

    static let knownMethods: Set<HTTPRequest.Method> = [.get, .head, .post, .put, .patch, .delete, .options]

    /// Throws when there are too many requests, of one address or of all.
    private func admit(_ address: String, _ running: Int) throws {
        guard running <= options.maximumRequestCount else {
            metrics.refuse("concurrency")
            throw Failure(
                .serviceUnavailable, .tooManyRequests,
                "Unable to answer now: \(options.maximumRequestCount) requests are under way. Ask again.",
                headers: [.retryAfter: "1"])
        }
        if let seconds = rateLimiter.refusal(for: address) {
            metrics.refuse("rate")
            throw Failure(
                .tooManyRequests, .tooManyRequests, "Unable to answer now: the client asks too often. Ask again later.",
                headers: [.retryAfter: String(seconds)])
        }
    }

    private func send(_ reply: Reply, _ isBodyless: Bool, _ writer: consuming ResponseWriter) async throws {
        let head = HTTPResponse(status: reply.status, headerFields: reply.headers)
        switch reply.body {
        case .bytes(let bytes) where !isBodyless:
            try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
        case .file(let path, let range) where !isBodyless && !range.isEmpty:
            // Opened before anything is promised.
            let file = try await work.run { try OpenFile(path) }
            var body = try await writer.writeHead(head)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: OpenFile.pieceByteCount) {
                let count = min(OpenFile.pieceByteCount, range.upperBound - start)
                try await body.write(try await work.run { try file.piece(at: start, count: count) })
            }
            try await body.finish(nil)
        default: try await writer.writeResponse(head)
        }
    }
}

/// Tells a client that waits with its body that it may send it.
private struct InterimWriter: Sendable {
    private let channel: any Channel

    init(_ channel: any Channel) { self.channel = channel }

    func writeContinue() async throws {
        let head = HTTPResponsePart.head(HTTPResponse(status: .continue))
        try await channel.writeAndFlush(head)
    }
}
