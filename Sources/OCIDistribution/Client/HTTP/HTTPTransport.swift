internal import CCurl
internal import Synchronization

/// Exchanges messages with servers; connections are kept for the next exchange.
///
/// libcurl, not FoundationNetworking: URLSession on Linux is a layer over libcurl that can be told neither of a
/// certificate authority of one's own nor to read no faster than its caller writes.
final class HTTPTransport: Sendable {
    private let options: TransportOptions
    private let idle = Mutex<[CurlHandle]>([])

    init(_ options: TransportOptions) {
        self.options = options
    }

    /// Loads libcurl, which reads URLs and dates, too: before anything else of this folder is used.
    ///
    /// - Throws: ``OCIError`` with code `unsupported` when it is not installed.
    static func load() throws {
        guard ccurl_load() != 0 else {
            throw OCIError(
                .unsupported,
                "Unable to load 'libcurl.so.4': it is not installed, or not in a version that this program knows. "
                    + "Install it (on Debian and Ubuntu the package is named libcurl4).")
        }
    }

    /// Sends a request and waits for the answer; redirects are not followed.
    ///
    /// - Parameter receiver: takes the content of a success as it arrives, instead of the answer.
    /// - Throws: ``OCIError`` with code `network`, `untrustedPeer`, `tooLarge` or `protocolViolation`; what `receiver`
    ///   throws.
    func send(_ request: HTTPRequest, receiver: HTTPExchange.Receiver? = nil) throws -> HTTPResponse {
        guard let handle = idle.withLock({ $0.popLast() }) ?? CurlHandle() else {
            throw OCIError(.network, "Unable to start libcurl: there is not enough memory.")
        }
        defer { idle.withLock { $0.append(handle) } }
        return try handle.perform(request, options, receiver: receiver)
    }
}
