internal import CCurl

/// An absolute `http` or `https` URL without user and password, in the normal form that libcurl gives it.
struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
    /// The longest URL in bytes; those that object stores sign have some thousand.
    static let maximumByteCount = 16 << 10

    let description: String
    /// `http` or `https`.
    let scheme: String
    /// The host in lowercase, an IPv6 address in brackets.
    let host: String
    let port: Int

    /// Reads a URL, or one relative to another; nil for what is none, names a user or has another scheme.
    init?(parsing text: String, relativeTo base: HTTPURL? = nil) {
        guard text.utf8.count <= HTTPURL.maximumByteCount, !text.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }),
            let url = unsafe ccurl_url()
        else { return nil }
        defer { unsafe ccurl_url_cleanup(url) }
        if let base, unsafe ccurl_url_set(url, CURLUPART_URL, base.description, 0) != CURLUE_OK { return nil }
        guard unsafe ccurl_url_set(url, CURLUPART_URL, text, UInt32(CURLU_NON_SUPPORT_SCHEME)) == CURLUE_OK else {
            return nil
        }
        func part(_ part: CURLUPart, _ flags: Int32 = 0) -> String? {
            var value: UnsafeMutablePointer<CChar>?
            guard unsafe ccurl_url_get(url, part, &value, UInt32(flags)) == CURLUE_OK, let value = unsafe value else {
                return nil
            }
            defer { unsafe ccurl_free(value) }
            return unsafe String(cString: value)
        }
        guard part(CURLUPART_USER) == nil, part(CURLUPART_PASSWORD) == nil,
            unsafe ccurl_url_set(url, CURLUPART_FRAGMENT, nil, 0) == CURLUE_OK,
            let scheme = part(CURLUPART_SCHEME)?.lowercased(), scheme == "http" || scheme == "https",
            let host = part(CURLUPART_HOST), !host.isEmpty,
            let port = part(CURLUPART_PORT, CURLU_DEFAULT_PORT).flatMap({ Int($0) }),
            let description = part(CURLUPART_URL)
        else { return nil }
        self.scheme = scheme
        self.host = host.lowercased()
        self.port = port
        self.description = description
    }

    /// Whether a request to the other URL goes to the same server in the same way.
    func hasSameOrigin(as other: HTTPURL) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    /// The URL with more fields in its query; values are escaped.
    func adding(query fields: [(String, String)]) -> HTTPURL? {
        guard !fields.isEmpty else { return self }
        let query = fields.map { "\($0.0)=\($0.1.percentEncoded)" }.joined(separator: "&")
        let mark = description.utf8.contains(UInt8(ascii: "?")) ? "&" : "?"
        return HTTPURL(parsing: description + mark + query)
    }
}

extension String {
    /// The text with everything escaped but the unreserved characters of RFC 3986 section 2.3.
    var percentEncoded: String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
