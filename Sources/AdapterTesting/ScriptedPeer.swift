internal import Glibc
internal import Synchronization

/// A request as a ``ScriptedPeer`` has read it.
public struct PeerRequest: Sendable {
    /// The method, such as `GET`.
    public let method: String
    /// The path and the query.
    public let target: String
    /// The fields of the header; names in lowercase.
    public let headers: [String: String]
    /// The content.
    public var body: [UInt8]

    /// Method and path without the query.
    public var line: String { "\(method) \(path)" }
    /// The path without the query.
    public var path: String { String(target.prefix { $0 != "?" }) }
}

/// What a ``ScriptedPeer`` answers, true or not.
public struct PeerAnswer: Sendable {
    /// The status.
    public var status: Int
    /// The fields of the header; a missing `Content-Length` is added unless the answer is raw.
    public var headers: [(String, String)]
    /// The content.
    public var body: [UInt8]
    /// How many bytes of the content are sent before the connection is cut; nil for all.
    public var cutAfter: Int?
    /// How long the peer waits after each kilobyte.
    public var pause: Duration?
    /// Bytes that are sent instead of a message.
    public var raw: [UInt8]?
    /// The port on this machine that the connection leads to after the answer, as a proxy's does after CONNECT.
    public var tunnelPort: Int?

    /// An answer.
    public init(
        _ status: Int, _ headers: [(String, String)] = [], _ body: [UInt8] = [], cutAfter: Int? = nil,
        pause: Duration? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.cutAfter = cutAfter
        self.pause = pause
    }

    /// Bytes instead of a message; the connection is closed after them.
    public static func raw(_ bytes: [UInt8]) -> PeerAnswer {
        var answer = PeerAnswer(0)
        answer.raw = bytes
        return answer
    }

    /// A proxy's answer to CONNECT, after which the connection leads to a port of this machine.
    public static func tunnel(to port: Int) -> PeerAnswer {
        var answer = PeerAnswer(200)
        answer.tunnelPort = port
        return answer
    }
}

/// An HTTP server on this machine that answers as its script says: a peer that lies, stops, dawdles or talks nonsense.
///
/// Plain sockets, a thread a connection. It serves until the process ends.
public final class ScriptedPeer: Sendable {
    /// Answers a request.
    public typealias Script = @Sendable (PeerRequest) -> PeerAnswer

    /// The port on 127.0.0.1.
    public let port: Int
    private let listener: Int32
    private let log = Mutex<[PeerRequest]>([])
    private let script: Script

    /// Starts a server.
    public init(_ script: @escaping Script) throws {
        self.script = script
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, address, &length) == 0
            }
        }
        guard descriptor >= 0, bound else { throw PeerError() }
        listener = descriptor
        port = Int(UInt16(bigEndian: address.sin_port))
        start {
            while true {
                let connection = accept(self.listener, nil, nil)
                guard connection >= 0 else { return }
                // Or a body waits until the client has acknowledged the head, which it does in no hurry.
                var isOn: Int32 = 1
                setsockopt(
                    connection, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
                start {
                    Connection(descriptor: connection).serve(self.answer)
                    close(connection)
                }
            }
        }
    }

    struct PeerError: Error {}

    /// `127.0.0.1:PORT`.
    public var host: String { "127.0.0.1:\(port)" }

    /// The requests so far, in order.
    public var requests: [PeerRequest] { log.withLock { $0 } }

    /// Method and path of the requests so far.
    public var lines: [String] { requests.map(\.line) }

    private func answer(_ request: PeerRequest) -> PeerAnswer {
        log.withLock { $0.append(request) }
        return script(request)
    }
}

/// Starts a thread that nobody waits for.
private func start(_ body: @escaping @Sendable () -> Void) {
    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(body))
    let status = pthread_create(
        &thread, nil,
        { pointer in
            if let pointer { Unmanaged<Work>.fromOpaque(pointer).takeRetainedValue().body() }
            return nil
        }, work.toOpaque())
    if status == 0 { pthread_detach(thread) } else { work.release() }
}

/// One connection of a ``ScriptedPeer``.
private struct Connection {
    let descriptor: Int32

    func serve(_ answer: (PeerRequest) -> PeerAnswer) {
        var buffered: [UInt8] = []
        while let request = readRequest(&buffered) {
            guard write(answer(request), to: request) else { return }
        }
    }

    private func readRequest(_ buffered: inout [UInt8]) -> PeerRequest? {
        let mark = Array("\r\n\r\n".utf8)
        while true {
            if let end = buffered.firstRange(of: mark) {
                let lines = String(decoding: buffered[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
                let words = lines.first?.split(separator: " ") ?? []
                guard words.count == 3 else { return nil }
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    guard let colon = line.firstIndex(of: ":") else { continue }
                    headers[line[..<colon].lowercased()] = String(
                        line[line.index(after: colon)...].drop { $0 == " " })
                }
                buffered.removeSubrange(..<end.upperBound)
                let count = headers["content-length"].flatMap { Int($0) } ?? 0
                while buffered.count < count { guard fill(&buffered) else { return nil } }
                let body = Array(buffered.prefix(count))
                buffered.removeFirst(count)
                return PeerRequest(
                    method: String(words[0]), target: String(words[1]), headers: headers, body: body)
            }
            guard buffered.count < 1 << 20, fill(&buffered) else { return nil }
        }
    }

    private func fill(_ buffered: inout [UInt8]) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return false }
        buffered += bytes[..<count]
        return true
    }

    /// Sends an answer; false when the connection is to be closed.
    private func write(_ answer: PeerAnswer, to request: PeerRequest) -> Bool {
        if let raw = answer.raw {
            _ = send(raw)
            return false
        }
        if let port = answer.tunnelPort {
            if send(Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8)) { relay(to: port) }
            return false
        }
        var head = "HTTP/1.1 \(answer.status) Scripted\r\n"
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        let names = answer.headers.map { $0.0.lowercased() }
        if !names.contains("content-length"), !names.contains("transfer-encoding"), answer.status != 204 {
            head += "Content-Length: \(answer.body.count)\r\n"
        }
        guard send(Array((head + "\r\n").utf8)) else { return false }
        guard request.method != "HEAD" else { return true }
        let body = answer.body.prefix(answer.cutAfter ?? answer.body.count)
        let step = answer.pause == nil ? max(1, body.count) : 1024
        for start in stride(from: 0, to: body.count, by: step) {
            guard send(Array(body[start..<min(start + step, body.count)])) else { return false }
            if let pause = answer.pause {
                let microseconds = pause / .microseconds(1)
                usleep(UInt32(microseconds))
            }
        }
        return answer.cutAfter == nil
    }

    /// Carries bytes both ways until one side closes.
    private func relay(to port: Int) {
        let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(other) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = in_port_t(port).bigEndian
        let connected = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                connect(other, address, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else { return }
        let ends = [self, Connection(descriptor: other)]
        var waiting = ends.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        while poll(&waiting, nfds_t(waiting.count), -1) > 0 {
            for index in waiting.indices where waiting[index].revents != 0 {
                var bytes: [UInt8] = []
                guard ends[index].fill(&bytes), ends[1 - index].send(bytes) else { return }
            }
        }
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress?.advanced(by: sent), buffer.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
