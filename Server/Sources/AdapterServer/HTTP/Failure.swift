import AdapterRegistry
import FileSystem
import HTTPTypes
import OCIDistribution

/// Why a request is not done: a status and what the distribution specification calls it.
struct Failure: Error, Sendable {
    var status: HTTPResponse.Status
    var code: ErrorDocument.Code
    var message: String
    var headers: HTTPFields

    init(
        _ status: HTTPResponse.Status, _ code: ErrorDocument.Code, _ message: String, headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
    }

    /// The answer as the distribution specification writes it.
    var reply: Reply {
        var headers = headers
        headers[.contentType] = "application/json"
        return Reply(status, headers, body: .bytes(ErrorDocument([.init(code, message)]).bytes))
    }

    /// The failure that an error of the registry is for a client.
    ///
    /// What only the operator needs to know, such as paths, stays in the log.
    init(_ error: any Error) {
        switch error {
        case let error as Failure: self = error
        case let error as RegistryError: self.init(error)
        case let error as OCIError: self.init(.badRequest, .manifestInvalid, error.message)
        case let error as FileSystemError where error.code == .noSpace: self = .noSpace
        default: self.init(.internalServerError, .unsupported, "Unable to answer: the server has failed. See its log.")
        }
    }

    private init(_ error: RegistryError) {
        switch error.code {
        case .notFound: self.init(.notFound, .manifestUnknown, error.message)
        case .invalidReference: self.init(.badRequest, .nameInvalid, error.message)
        case .immutableTag: self.init(.conflict, .denied, error.message)
        case .conflict: self.init(.conflict, .blobUploadInvalid, error.message)
        case .readOnly: self.init(.methodNotAllowed, .unsupported, "Unable to change the registry: it is read-only.")
        case .noSpace: self = .noSpace
        case .locked:
            self.init(
                .serviceUnavailable, .tooManyRequests, "Unable to answer now: the registry is busy. Ask again.",
                headers: [.retryAfter: "1"])
        default: self.init(.internalServerError, .unsupported, "Unable to answer: the registry has failed.")
        }
    }

    static let noSpace = Failure(
        .insufficientStorage, .denied, "Unable to store this: the server's disk is full. Nothing was changed.")

    /// Whether the server is at fault, so that the error belongs in the log.
    var isServers: Bool { status.code >= 500 && status != .insufficientStorage && status != .serviceUnavailable }
}

extension HTTPResponse.Status {
    static let insufficientStorage = HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
}
