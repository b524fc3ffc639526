import HTTPTypes
import OCIDistribution

/// What the server answers.
struct Reply: Sendable {
    /// Where the body comes from.
    enum Body: Sendable {
        /// There is none.
        case none
        /// Bytes in memory.
        case bytes([UInt8])
        /// A range of a file that nobody changes.
        case file(String, Range<Int>)
    }

    var status: HTTPResponse.Status
    var headers: HTTPFields
    var body: Body

    init(_ status: HTTPResponse.Status, _ headers: HTTPFields = [:], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// A reply with text of a media type.
    init(_ text: String, type: String) {
        self.init(.ok, [.contentType: type], body: .bytes(Array(text.utf8)))
    }

    /// How many bytes the body has.
    var byteCount: Int {
        switch body {
        case .none: 0
        case .bytes(let bytes): bytes.count
        case .file(_, let range): range.count
        }
    }
}

extension HTTPField.Name {
    private static func named(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("'\(text)' is no header name") }
        return name
    }

    static let contentDigest = named("Docker-Content-Digest")
    static let apiVersion = named("Docker-Distribution-API-Version")
    static let uploadID = named("Docker-Upload-UUID")
    static let ociSubject = named("OCI-Subject")
    static let ociTag = named("OCI-Tag")
    static let ociFilters = named("OCI-Filters-Applied")
    static let requestID = named("X-Request-Id")
    static let link = named("Link")
    static let contentTypeOptions = named("X-Content-Type-Options")
    static let referrerPolicy = named("Referrer-Policy")
}
