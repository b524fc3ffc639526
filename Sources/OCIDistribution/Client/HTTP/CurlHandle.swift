internal import ByteCoding
internal import CCurl
internal import Glibc

/// One of libcurl's handles with the connections that it keeps; used by one thread at a time.
@safe
final class CurlHandle: @unchecked Sendable {
    // Sendable because the transport lends it to one thread at a time.
    private let handle: UnsafeMutableRawPointer
    private let message = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))

    init?() {
        guard let handle = unsafe ccurl_easy_init() else { return nil }
        unsafe self.handle = handle
    }

    deinit {
        unsafe ccurl_easy_cleanup(handle)
        unsafe message.deallocate()
    }

    /// Sends a request and waits for the answer.
    func perform(_ request: HTTPRequest, _ options: TransportOptions, receiver: HTTPExchange.Receiver?) throws
        -> HTTPResponse
    {
        // Keeps the connections.
        unsafe ccurl_easy_reset(handle)
        unsafe message.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        let exchange = HTTPExchange(request, receiver: receiver)
        setConnection(request, options)
        setCallbacks(exchange)
        let lines = unsafe setMessage(request)
        defer { unsafe ccurl_slist_free_all(lines) }
        let result = withExtendedLifetime(exchange) { withoutPipeSignal { unsafe ccurl_easy_perform(handle) } }
        if let failure = exchange.failure { throw failure }
        guard result == CURLE_OK || (exchange.isCutShort && result == CURLE_WRITE_ERROR) else {
            throw error(result, request)
        }
        return exchange.response
    }

    // MARK: Options

    private func setConnection(_ request: HTTPRequest, _ options: TransportOptions) {
        set(CURLOPT_URL, request.url.description)
        // The one with which every registry keeps pace; several connections transfer large content.
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        // What a proxy answers to CONNECT is not the server's.
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_NETRC, 0)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        set(CURLOPT_BUFFERSIZE, 256 << 10)
        set(CURLOPT_UPLOAD_BUFFERSIZE, 1 << 20)
        set(CURLOPT_USERAGENT, options.userAgent)
        unsafe _ = ccurl_set_pointer(handle, CURLOPT_ERRORBUFFER, message)
        set(CURLOPT_CONNECTTIMEOUT_MS, options.connectTimeout.milliseconds)
        // Proxies come from https_proxy, HTTPS_PROXY, http_proxy, ALL_PROXY and NO_PROXY; this machine needs none.
        if (try? RegistryHost(parsing: request.url.host))?.isLoopback == true { set(CURLOPT_PROXY, "") }
        switch request.patience {
        case .document: set(CURLOPT_TIMEOUT_MS, options.documentTimeout.milliseconds)
        case .transfer: setStall(options.stallTimeout)
        case .completion: setStall(options.completionTimeout)
        }
        setTrust(options)
    }

    private func setStall(_ duration: Duration) {
        // Bytes a second, a mean over some seconds: a peer that drips is given up like one that has stopped.
        set(CURLOPT_LOW_SPEED_LIMIT, 1024)
        set(CURLOPT_LOW_SPEED_TIME, max(1, duration.milliseconds / 1000))
    }

    private func setTrust(_ options: TransportOptions) {
        set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        // The system's folder of certificates stays trusted beside a file.
        if let file = options.authorityFile { set(CURLOPT_CAINFO, file) }
    }

    private func setMessage(_ request: HTTPRequest) -> UnsafeMutablePointer<curl_slist>? {
        switch request.method {
        case .get: set(CURLOPT_HTTPGET, 1)
        case .head: set(CURLOPT_NOBODY, 1)
        default:
            if request.method.hasContent {
                set(CURLOPT_UPLOAD, 1)
                unsafe _ = ccurl_set_size(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(request.body.byteCount))
            }
            set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
            // libcurl would send a chunk again by itself when a kept connection turns out to be closed.
            if request.method == .patch { set(CURLOPT_FRESH_CONNECT, 1) }
        }
        // Without waiting for leave to send: the server was asked before.
        var lines = unsafe ccurl_slist_append(nil, "Expect:")
        for field in request.headers {
            // An empty value is written with a semicolon, or libcurl would leave the field out.
            unsafe lines = ccurl_slist_append(
                lines, field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        unsafe _ = ccurl_set_list(handle, CURLOPT_HTTPHEADER, lines)
        return unsafe lines
    }

    private func setCallbacks(_ exchange: HTTPExchange) {
        // The exchange outlives the call of curl_easy_perform.
        let context = unsafe Unmanaged.passUnretained(exchange).toOpaque()
        unsafe _ = ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context)
        unsafe _ = ccurl_set_pointer(handle, CURLOPT_READDATA, context)
        unsafe _ = ccurl_set_pointer(handle, CURLOPT_SEEKDATA, context)
        unsafe _ = ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context)
        unsafe _ = ccurl_set_transfer(handle, CURLOPT_HEADERFUNCTION) { buffer, size, count, context in
            guard let exchange = unsafe CurlHandle.exchange(context) else { return 0 }
            let line = unsafe CurlHandle.bytes(buffer, size * count)
            return exchange.take(headerLine: line) ? size * count : 0
        }
        unsafe _ = ccurl_set_transfer(handle, CURLOPT_READFUNCTION) { buffer, size, count, context in
            guard let exchange = unsafe CurlHandle.exchange(context), let buffer = unsafe buffer,
                let piece = exchange.nextPiece(atMost: size * count)
            else { return Int(CURL_READFUNC_ABORT) }
            unsafe piece.withUnsafeBytes { source in
                guard let start = source.baseAddress else { return }
                unsafe UnsafeMutableRawPointer(buffer).copyMemory(from: start, byteCount: source.count)
            }
            return piece.count
        }
        unsafe _ = ccurl_set_seek(handle) { context, offset, origin in
            guard let exchange = unsafe CurlHandle.exchange(context), origin == SEEK_SET,
                exchange.seek(to: Int(offset))
            else { return CURL_SEEKFUNC_FAIL }
            return CURL_SEEKFUNC_OK
        }
        unsafe _ = ccurl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { buffer, size, count, context in
            guard let exchange = unsafe CurlHandle.exchange(context) else { return 0 }
            let piece = unsafe CurlHandle.bytes(buffer, size * count)
            return exchange.take(content: piece) ? size * count : 0
        }
    }

    private static func exchange(_ context: UnsafeMutableRawPointer?) -> HTTPExchange? {
        unsafe context.map { unsafe Unmanaged<HTTPExchange>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func bytes(_ buffer: UnsafeMutablePointer<CChar>?, _ count: Int) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: buffer, count: count))
    }

    private func set(_ option: CURLoption, _ value: Int) { unsafe _ = ccurl_set_number(handle, option, value) }

    private func set(_ option: CURLoption, _ value: String) { unsafe _ = ccurl_set_text(handle, option, value) }

    // MARK: Failures

    private func error(_ code: CURLcode, _ request: HTTPRequest) -> OCIError {
        let detail = unsafe String(cString: message)
        let reason = unsafe (detail.isEmpty ? String(cString: ccurl_easy_strerror(code)) : detail).printable(limit: 300)
        let host = "\(request.url.host):\(request.url.port)"
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR:
            return OCIError(
                .untrustedPeer,
                "Unable to trust '\(host)': \(reason). Name the authority that signed its certificate with --ca-file.")
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_WEIRD_SERVER_REPLY:
            return OCIError(.protocolViolation, "Unable to understand '\(host)': \(reason).")
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT:
            return OCIError(.network, "Unable to reach '\(host)': \(reason). Check the name and the network.")
        default:
            return OCIError(.network, "Unable to exchange data with '\(host)': \(reason).")
        }
    }
}

extension Duration {
    /// The whole milliseconds.
    var milliseconds: Int {
        let parts = components
        return Int(parts.seconds) * 1000 + Int(parts.attoseconds / 1_000_000_000_000_000)
    }
}
