import HTTPTypes

/// What the Hub's clients are told when something is not there: they look at the header, not at the status.
struct HubFailure: Error {
    private var status: HTTPResponse.Status
    private var code: String
    private var message: String
    private var commit: String?

    /// Whether another server may know the repository.
    var isUnknownRepository: Bool { code == "RepoNotFound" }

    static func repository(_ name: String, status: HTTPResponse.Status = .notFound) -> HubFailure {
        HubFailure(status: status, code: "RepoNotFound", message: "There is no model '\(name)' here.")
    }

    static func revision(_ name: String, _ revision: String) -> HubFailure {
        HubFailure(
            status: .notFound, code: "RevisionNotFound", message: "The model '\(name)' has no revision '\(revision)'.")
    }

    /// - Parameter commit: tells the client that it may remember this.
    static func entry(_ name: String, _ path: String, commit: String, reason: String? = nil) -> HubFailure {
        HubFailure(
            status: .notFound, code: "EntryNotFound", message: reason ?? "The model '\(name)' has no file '\(path)'.",
            commit: commit)
    }

    var reply: Reply {
        // A header holds no line breaks and no characters beyond ASCII.
        let text = String(
            decoding: message.utf8.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
        var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8", .errorCode: code, .errorMessage: text]
        headers[.repoCommit] = commit
        return Reply(status, headers, body: .bytes(Array((message + "\n").utf8)))
    }
}
