import Foundation
import Glibc

/// A small HTTP/1.1 client over a socket, which does exactly what a test says: also what no proper client would.
final class HTTPClient {
    /// An answer.
    struct Answer {
        var status: Int
        var headers: [(name: String, value: String)]
        var body: [UInt8]

        /// The first header of a name, whatever its case.
        subscript(name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }

        /// The body as text.
        var text: String { String(decoding: body, as: UTF8.self) }

        /// The codes of an error document.
        var codes: [String] {
            let document = try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]
            return (document?["errors"] as? [[String: Any]] ?? []).compactMap { $0["code"] as? String }
        }

        /// The body as a JSON object.
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body)) as? [String: Any]) ?? [:]
        }
    }

    enum Fault: Error {
        case connect
        case closed
        case malformed(String)
    }

    let host: String
    let port: Int
    private var descriptor: Int32 = -1
    private var buffer: [UInt8] = []

    init(host: String = "127.0.0.1", port: Int) throws {
        self.host = host
        self.port = port
        try connect()
    }

    deinit { disconnect() }

    func disconnect() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        buffer = []
    }

    func connect() throws {
        disconnect()
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        inet_pton(AF_INET, host, &address.sin_addr)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Fault.connect }
    }

    /// Sends bytes as they are.
    func write(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(descriptor, $0.baseAddress?.advanced(by: offset), bytes.count - offset, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Fault.closed }
            offset += count
        }
    }

    func write(_ text: String) throws { try write(Array(text.utf8)) }

    /// Sends a request and waits for the answer; the connection stays open, and is opened again when it was closed.
    func request(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
        announcing byteCount: Int? = nil
    ) throws -> Answer {
        if descriptor < 0 { try connect() }
        var head = "\(method) \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let count = byteCount ?? body?.count { head += "Content-Length: \(count)\r\n" }
        try write(head + "\r\n")
        if let body { try? write(body) }
        return try answer(to: method)
    }

    /// Reads one answer.
    func answer(to method: String = "GET") throws -> Answer {
        var status = 100
        var headers: [(name: String, value: String)] = []
        repeat {
            let head = try readHead()
            let lines = head.split(separator: "\r\n", omittingEmptySubsequences: true)
            let parts = lines.first.map { $0.split(separator: " ", maxSplits: 2) } ?? []
            guard parts.count >= 2, let code = Int(parts[1]) else { throw Fault.malformed(head) }
            status = code
            headers = lines.dropFirst().map { line in
                let pair = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(pair[0]), pair.count > 1 ? pair[1].trimmingCharacters(in: .whitespaces) : "")
            }
        } while status == 100
        var answer = Answer(status: status, headers: headers, body: [])
        if method != "HEAD", status != 204, status != 304 {
            if answer["transfer-encoding"]?.lowercased() == "chunked" {
                answer.body = try readChunks()
            } else if let count = answer["content-length"].flatMap(Int.init) {
                answer.body = try read(count)
            }
        }
        if answer["connection"]?.lowercased() == "close" { disconnect() }
        return answer
    }

    /// The head of an answer before the answer.
    func interim() throws -> String { try readHead() }

    /// Whether the server closes the connection within the client's patience.
    func isClosedByServer() -> Bool {
        while true {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count == 0 { return true }
            if count < 0 { return errno == ECONNRESET }
        }
    }

    /// Whether anything comes within some milliseconds.
    func hasAnswer(within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) > 0
    }

    /// Reads until the server closes the connection; how much came, and whether it was closed.
    func drain() -> (byteCount: Int, isClosed: Bool) {
        var total = 0
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = recv(descriptor, &bytes, bytes.count, 0)
            guard count > 0 else { return (total, count == 0 || errno == ECONNRESET) }
            total += count
        }
    }

    private func fill() throws {
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { throw Fault.closed }
        buffer += bytes[..<count]
    }

    private func readHead() throws -> String {
        let end = Array("\r\n\r\n".utf8)
        var searched = 0
        while true {
            if let range = buffer[max(0, searched)...].firstRange(of: end) {
                let head = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
                buffer.removeFirst(range.upperBound)
                return head
            }
            searched = max(0, buffer.count - 3)
            try fill()
        }
    }

    private func read(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        let bytes = Array(buffer[..<count])
        buffer.removeFirst(count)
        return bytes
    }

    private func readLine() throws -> String {
        let end = Array("\r\n".utf8)
        while true {
            if let range = buffer.firstRange(of: end) {
                let line = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
                buffer.removeFirst(range.upperBound)
                return line
            }
            try fill()
        }
    }

    private func readChunks() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let line = try readLine()
            guard let count = Int(line.split(separator: ";").first ?? "", radix: 16) else {
                throw Fault.malformed(line)
            }
            bytes += try read(count)
            _ = try readLine()
            if count == 0 { return bytes }
        }
    }
}
