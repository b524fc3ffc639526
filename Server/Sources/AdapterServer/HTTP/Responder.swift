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
        let record = RequestRecord()
        let address = channel.remoteAddress?.ipAddress ?? "local"
        let outbound = writer
        /// Notes the end of the request; the status is nil when the client has left before it got all of the answer.
        func end(_ status: HTTPResponse.Status?) {
            let elapsed = ContinuousClock.now - startedAt
            let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
            let state = record.state
            metrics.end(
                method: Self.knownMethods.contains(request.method) ? request.method.rawValue : "OTHER",
                status: status?.code, seconds: seconds, state)
            logger.info(
                status == nil ? "client left" : "request",
                metadata: [
                    "request": "\(id)", "method": "\(request.method)", "path": "\(request.uri.path)",
                    "route": "\(state.route)", "status": "\(status.map { String($0.code) } ?? "-")",
                    "received": "\(state.receivedByteCount)", "sent": "\(state.sentByteCount)",
                    "user": "\(state.actor)", "milliseconds": "\((seconds * 10_000).rounded() / 10)",
                    "address": "\(address)",
                ])
        }
        var reply: Reply
        do {
            try admit(address, running)
            let welcome: @Sendable () async throws -> Void
            if request.headers[.expect]?.lowercased() == "100-continue" {
                let handle = InterimWriter(channel)
                welcome = { try await handle.writeContinue() }
            } else {
                welcome = {}
            }
            reply = try await self.reply(to: request, from: address, record, welcome: welcome)
        } catch {
            if error is CancellationError || error is ChannelError || error is ClientLeft {
                end(nil)
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
        do {
            try await send(reply, bodyless, outbound, record)
        } catch {
            end(nil)
            throw error
        }
        end(reply.status)
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

    private func send(
        _ reply: Reply, _ isBodyless: Bool, _ writer: consuming ResponseWriter, _ record: RequestRecord
    ) async throws {
        let head = HTTPResponse(status: reply.status, headerFields: reply.headers)
        switch reply.body {
        case .bytes(let bytes) where !isBodyless:
            try await writer.write(response: head, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
            record.addSent(bytes.count)
        case .file(let path, let range) where !isBodyless && !range.isEmpty:
            // Opened before anything is promised.
            let file = try await work.run { try OpenFile(path) }
            var body = try await writer.writeHead(head)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: OpenFile.pieceByteCount) {
                let count = min(OpenFile.pieceByteCount, range.upperBound - start)
                try await body.write(try await work.run { try file.piece(at: start, count: count) })
                record.addSent(count)
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
