internal import AdapterRegistry
internal import Synchronization

/// One blob on its way to a registry.
struct BlobUpload {
    /// A blob is not tried more often than this, however far each attempt gets.
    private static let maximumAttemptCount = 100

    let client: RegistryClient
    let repository: RepositoryName
    let source: UploadSource
    let digest: ContentDigest
    let note: UploadNote?
    let progress: (@Sendable (Int) -> Void)?
    /// How many bytes the registry is known to have.
    private var offset = 0
    /// How many bytes were reported as sent.
    private let reported = Reported()

    init(
        client: RegistryClient, repository: RepositoryName, content: BlobContent, digest: ContentDigest,
        note: UploadNote?, progress: (@Sendable (Int) -> Void)?
    ) {
        self.client = client
        self.repository = repository
        source = UploadSource(content, digest)
        self.digest = digest
        self.note = note
        self.progress = progress
    }

    private final class Reported: Sendable {
        let count = Atomic(0)
        /// What went over the line, also in vain.
        let sent = Atomic(0)
    }

    /// How many bytes an earlier process's upload had.
    private var resumed = 0

    /// What was done.
    var result: SentBlob {
        SentBlob(sentByteCount: reported.sent.load(ordering: .relaxed), resumedByteCount: resumed)
    }

    private var byteCount: Int { source.content.byteCount }

    private var scope: Authenticator.Scope { [client.scope(repository, "pull,push")] }

    /// Opens an upload and sends everything with the request that ends it.
    mutating func sendAtOnce() throws {
        try source.verify()
        try finish(try open(), sending: 0..<byteCount)
    }

    /// Opens an upload, or goes on with a noted one, and sends chunk after chunk.
    ///
    /// After a failure the registry is asked how much it has. One that has forgotten the upload gets all of it again.
    mutating func sendInChunks() throws {
        var location = try resumeNoted()
        var attempt = 0
        var total = 0
        var forgottenCount = 0
        while true {
            attempt += 1
            do {
                if location == nil {
                    location = try open()
                    setOffset(0)
                }
                guard var place = location else { continue }
                let before = offset
                while offset < byteCount {
                    place = try sendChunk(to: place)
                    location = place
                    note?.write(place.description)
                    if offset > before { attempt = 1 }
                }
                try verify(place)
                return try finish(place, sending: nil)
            } catch let error as OCIError {
                setOffset(offset)
                // A registry that loses count, or forgets, again and again is not asked for ever.
                total += 1
                let isForgotten = [.conflict, .notFound, .rejected].contains(error.code)
                if isForgotten { forgottenCount += 1 }
                guard total < BlobUpload.maximumAttemptCount,
                    isForgotten
                        ? forgottenCount < 3 : client.options.retry.waits(after: error, attempt: attempt)
                else { throw error }
                if let place = location { location = try status(of: place) }
            }
        }
    }

    // MARK: Steps

    private func open() throws -> HTTPURL {
        let response = try client.send(
            HTTPRequest(.post, try client.url(repository, "blobs/uploads/")), scope: scope)
        guard response.status == 202 else {
            throw client.failure(response, "upload to '\(repository)' on '\(client.host)'")
        }
        let location = try client.location(of: response)
        note?.write(location.description)
        return location
    }

    private mutating func resumeNoted() throws -> HTTPURL? {
        guard let text = note?.read(), let noted = HTTPURL(parsing: text),
            noted.scheme == "https" || client.base.scheme == "http"
        else { return nil }
        let location = try status(of: noted)
        resumed = location == nil ? 0 : offset
        try source.hash(upTo: resumed)
        return location
    }

    /// Asks how much of an upload the registry has (end-13); nil when it does not know the upload any more.
    private mutating func status(of location: HTTPURL) throws -> HTTPURL? {
        var attempt = 1
        var response = try client.send(HTTPRequest(.get, location), scope: scope)
        while response.status == 409 {
            // It still waits for bytes on the connection that broke; once it has given that up it says what it has.
            let busy = OCIError(
                .serverFailure,
                "Unable to continue the upload to '\(client.host)': it still takes another request for it.")
            guard client.options.retry.waits(after: busy, attempt: attempt) else { throw busy }
            attempt += 1
            response = try client.send(HTTPRequest(.get, location), scope: scope)
        }
        guard response.status == 204 else { return nil }
        guard let text = response.headers["Range"], let range = UploadRange.parse(text), range.lowerBound == 0,
            range.upperBound <= byteCount
        else {
            // Nothing yet, which some registries say without a range.
            guard response.headers["Range"] == nil else { return nil }
            setOffset(0)
            return try client.location(of: response)
        }
        // `0-0` means one byte to some registries and none to others; the first chunk then shows which.
        setOffset(range.count == 1 ? 0 : range.upperBound)
        return try client.location(of: response)
    }

    private mutating func sendChunk(to location: HTTPURL) throws -> HTTPURL {
        let count = min(byteCount - offset, client.options.chunkByteCount ?? .max)
        let range = offset..<offset + count
        var request = HTTPRequest(
            .patch, location,
            headers: [
                ("Content-Type", MediaType.octets.description), ("Content-Range", UploadRange.header(range)),
            ])
        request.body = .stream(source, range)
        request.patience = .transfer
        request.onSent = onSent
        // Not repeated as it is: what of it has arrived is asked first.
        let response = try client.sendWithoutRepetition(request, scope: scope)
        guard response.status == 202 || response.status == 204 else {
            throw client.failure(response, "upload to '\(repository)' on '\(client.host)'")
        }
        var end = range.upperBound
        if let text = response.headers["Range"] {
            guard let kept = UploadRange.parse(text), kept.lowerBound == 0, kept.upperBound > offset,
                kept.upperBound <= range.upperBound
            else {
                throw OCIError(
                    .conflict,
                    "Unable to upload to '\(repository)' on '\(client.host)': it says it has '\(text.prefix(40))' after "
                        + "bytes \(range.lowerBound) to \(range.upperBound - 1) were sent.")
            }
            end = kept.upperBound
        }
        setOffset(end)
        return try client.location(of: response)
    }

    /// Checks what was sent; an upload of something else is given up.
    private func verify(_ location: HTTPURL) throws {
        do {
            try source.verify()
        } catch {
            note?.remove()
            // The registry forgets it sooner or later by itself.
            _ = try? client.sendWithoutRepetition(HTTPRequest(.delete, location), scope: scope)
            throw error
        }
    }

    private mutating func finish(_ location: HTTPURL, sending range: Range<Int>?) throws {
        guard let url = location.adding(query: [("digest", digest.description)]) else {
            throw OCIError(.protocolViolation, "Unable to upload to '\(client.host)': its URL is too long.")
        }
        var request = HTTPRequest(.put, url, headers: [("Content-Type", MediaType.octets.description)])
        request.patience = .completion
        if let range {
            request.body = .stream(source, range)
            request.onSent = onSent
        }
        let response = try client.send(request, scope: scope)
        guard [200, 201, 204].contains(response.status) else {
            var error = client.failure(response, "upload to '\(repository)' on '\(client.host)'")
            if response.errors.contains(where: { $0.code == .digestInvalid }) { error.code = .digestMismatch }
            throw error
        }
    }

    // MARK: Progress

    private var onSent: @Sendable (Int) -> Void {
        let reported = reported
        let report = report
        return { count in
            reported.sent.wrappingAdd(count, ordering: .relaxed)
            report(count)
        }
    }

    private var report: @Sendable (Int) -> Void {
        let reported = reported
        let progress = progress
        return { count in
            reported.count.wrappingAdd(count, ordering: .relaxed)
            progress?(count)
        }
    }

    /// Sets how much the registry has, and takes back what was reported beyond it.
    private mutating func setOffset(_ value: Int) {
        let difference = value - reported.count.load(ordering: .relaxed)
        if difference != 0 { report(difference) }
        offset = value
    }
}
