import Foundation
import FoundationNetworking
import HTTPTypes
import HummingbirdCore
import OCIDistribution

/// Another server of the Hub's protocol, which has the models that the registry lacks.
///
/// Bytes do not come through here: clients are sent on. Only the headers of a file are fetched for them, because clients
/// take these from the server they know.
struct HubUpstream: Sendable {
    /// Headers that say what a file is.
    private static let relayed = [
        "X-Repo-Commit", "ETag", "X-Linked-Etag", "X-Linked-Size", "Content-Length", "Content-Type", "Accept-Ranges",
        "X-Error-Code", "X-Error-Message",
    ]

    private let url: String
    private let session: URLSession

    /// - Throws: ``ServerError`` with code `invalidOption` for what is no address.
    init(_ text: String) throws {
        guard text.hasPrefix("https://") || text.hasPrefix("http://"), URL(string: text) != nil else {
            throw ServerError(
                .invalidOption, "Unable to start: '\(text)' is no address of an upstream; https://… is expected.")
        }
        url = text.hasSuffix("/") ? String(text.dropLast()) : text
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 20
        session = URLSession(configuration: configuration, delegate: RedirectsStay(), delegateQueue: nil)
    }

    /// The answer to what is not here.
    func reply(to call: Call) async throws -> Reply {
        let target = url + (call.request.head.path ?? "/")
        guard call.method == .head else { return Reply(.temporaryRedirect, [.location: target]) }
        guard let address = URL(string: target) else {
            throw Failure(.badRequest, .nameInvalid, "Unable to ask the upstream: the path is none.")
        }
        var request = URLRequest(url: address)
        request.httpMethod = "HEAD"
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        // The client's credentials are for this server; they go nowhere else.
        let response: URLResponse
        do {
            (_, response) = try await session.data(for: request)
        } catch {
            throw Failure(.badGateway, .unsupported, "Unable to ask the upstream for this model. Ask again later.")
        }
        guard let answer = response as? HTTPURLResponse else {
            throw Failure(.badGateway, .unsupported, "Unable to ask the upstream for this model: it answered oddly.")
        }
        var headers: HTTPFields = [:]
        for name in HubUpstream.relayed {
            guard let field = HTTPField.Name(name), let value = answer.value(forHTTPHeaderField: name) else { continue }
            headers[field] = value
        }
        let isRedirect = (300..<400).contains(answer.statusCode)
        // Where the bytes are, for a client that follows the headers it was given.
        headers[.location] = isRedirect ? answer.value(forHTTPHeaderField: "Location") : target
        let status = isRedirect || answer.statusCode == 200 ? 307 : answer.statusCode
        return Reply(HTTPResponse.Status(code: status), headers)
    }
}

/// Hands redirects to who asked instead of following them.
private final class RedirectsStay: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}
