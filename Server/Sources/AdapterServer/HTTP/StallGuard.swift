import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes connections that are held open without getting on: a request line that never ends, a body that trickles, an
/// answer that nobody reads.
///
/// At any time one of four waits is on: for a request's head, for the rest of its body, for the client to read, for
/// the rest of a body that was already refused. The server's own work is never timed.
final class StallGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: ConnectionLimits
    private var timer: Scheduled<Void>?
    private var isReadingBody = false
    private var isAnswering = false
    /// Body bytes since the timer was set.
    private var progress = 0

    init(_ limits: ConnectionLimits) { self.limits = limits }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { expectHead(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelActive(context: ChannelHandlerContext) {
        expectHead(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head:
            isReadingBody = true
            isAnswering = true
            expectBody(context)
        case .body(let buffer): progress += buffer.readableBytes
        case .end:
            isReadingBody = false
            timer?.cancel()
            if !isAnswering { expectHead(context) }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            isAnswering = false
            if isReadingBody {
                // The answer did not wait for the body: what the client still sends is read for a while, so that it sees
                // the answer and not a broken connection.
                close(context, after: limits.lingering)
            } else {
                expectHead(context)
            }
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if isAnswering, !isReadingBody {
            if context.channel.isWritable {
                timer?.cancel()
            } else {
                close(context, after: limits.body)
            }
        }
        context.fireChannelWritabilityChanged()
    }

    private func expectHead(_ context: ChannelHandlerContext) { close(context, after: limits.head) }

    /// Sees at intervals whether enough of the body has come.
    private func expectBody(_ context: ChannelHandlerContext) {
        progress = 0
        schedule(context, after: limits.body) { guardian, context in
            guard guardian.isReadingBody else { return }
            if guardian.progress < guardian.limits.minimumProgress {
                context.close(promise: nil)
            } else {
                guardian.expectBody(context)
            }
        }
    }

    private func close(_ context: ChannelHandlerContext, after time: TimeAmount) {
        schedule(context, after: time) { _, context in context.close(promise: nil) }
    }

    private func schedule(
        _ context: ChannelHandlerContext, after time: TimeAmount,
        _ body: @escaping (StallGuard, ChannelHandlerContext) -> Void
    ) {
        timer?.cancel()
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: time) { body(self, context) }
    }
}
