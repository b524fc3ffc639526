/// A request to a server.
struct HTTPRequest: Sendable {
    enum Method: String, Sendable {
        case get = "GET"
        case head = "HEAD"
        case post = "POST"
        case put = "PUT"
        case patch = "PATCH"
        case delete = "DELETE"

        /// Whether a request without content still says that it has none.
        var hasContent: Bool { self == .post || self == .put || self == .patch }
    }

    enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// A range of a blob, which is read while it is sent.
        case stream(UploadSource, Range<Int>)

        var byteCount: Int {
            switch self {
            case .none: 0
            case .bytes(let bytes): bytes.count
            case .stream(_, let range): range.count
            }
        }
    }

    /// How long the server may take.
    enum Patience: Sendable {
        /// For documents: the whole exchange has a limit.
        case document
        /// For content of any length: something must always move.
        case transfer
        /// For the end of an upload, when the server may be busy with what it got.
        case completion
    }

    var method: Method
    var url: HTTPURL
    var headers: [(name: String, value: String)] = []
    var body = Body.none
    var patience = Patience.document
    /// The longest content that is accepted when nobody takes it as it arrives.
    var contentLimit = ImageManifest.maximumByteCount
    /// Called with the number of bytes of the body that were handed over since the last call.
    var onSent: (@Sendable (Int) -> Void)?

    init(_ method: Method, _ url: HTTPURL, headers: [(name: String, value: String)] = []) {
        self.method = method
        self.url = url
        self.headers = headers
    }
}

/// The fields of a message's header; names are compared without case.
struct HTTPHeaders: Sendable {
    private(set) var fields: [(name: String, value: String)] = []

    mutating func append(_ name: String, _ value: String) { fields.append((name.lowercased(), value)) }

    /// The first value of a field.
    subscript(name: String) -> String? { fields.first { $0.name == name.lowercased() }?.value }

    /// All values of a field, in order.
    func values(_ name: String) -> [String] { fields.filter { $0.name == name.lowercased() }.map(\.value) }

    /// The value of a field that is a number of bytes.
    func byteCount(_ name: String) -> Int? { self[name].flatMap { Int(digits: $0) } }
}

/// What a server answered.
struct HTTPResponse: Sendable {
    var url: HTTPURL
    var status: Int
    var headers: HTTPHeaders
    /// The content, unless somebody took it as it arrived.
    var content: [UInt8] = []

    var isSuccess: Bool { (200..<300).contains(status) }

    /// The errors that the answer names.
    var errors: [ErrorDocument.Entry] { (try? ErrorDocument(parsing: content))?.errors ?? [] }
}
