import AdapterRegistry
import HTTPTypes
import HummingbirdCore
import Integrity
import OCIDistribution

// Pushing blobs: end-4a, end-4b, end-5, end-6, end-11, end-13 and end-14.
extension Distribution {
    /// Begins an upload, takes a whole blob, or mounts one.
    func startUpload(to name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.write, name)
        if let text = call.target["mount"] {
            let digest = try digest(text)
            if try await mount(digest, to: name, call) { return created(digest, in: name, call) }
        }
        if let algorithm = call.target["digest-algorithm"], ContentDigest.Algorithm(rawValue: algorithm) == nil {
            throw Failure(.badRequest, .unsupported, "Unable to upload: blobs are named by sha256 or sha512 here.")
        }
        let digest = try call.target["digest"].map(digest)
        let body = try await call.body(limit: options.maximumBlobByteCount)
        let id = RandomText.uuid()
        let upload = try await work.run { try call.registry.startUpload(id, to: name) }
        guard let digest else {
            uploads.put(upload)
            return Reply(.accepted, location(upload))
        }
        return try await finish(upload, as: digest, body, call)
    }

    /// end-13: how far an upload is.
    func uploadStatus(_ id: String, of name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.write, name)
        let upload = try await open(id, of: name, call)
        uploads.put(upload)
        return Reply(.noContent, location(upload))
    }

    /// end-5: the next chunk, with `Content-Range` or as a stream.
    func append(to id: String, of name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.write, name)
        let upload = try await open(id, of: name, call)
        do {
            try check(call.request.headers[.contentRange], upload, call)
            try await receive(try await call.body(limit: options.maximumBlobByteCount - upload.byteCount), upload)
        } catch {
            // What has come stays, for the client to go on from there.
            uploads.put(upload)
            throw error
        }
        uploads.put(upload)
        return Reply(.accepted, location(upload))
    }

    /// end-6: the last chunk, if any, and the digest of the whole.
    func finish(_ id: String, of name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.write, name)
        guard let text = call.target["digest"] else {
            throw Failure(.badRequest, .digestInvalid, "Unable to finish the upload: the query has no 'digest'.")
        }
        let digest = try digest(text)
        let upload = try await open(id, of: name, call)
        do {
            try check(call.request.headers[.contentRange], upload, call)
        } catch {
            uploads.put(upload)
            throw error
        }
        let body = try await call.body(limit: options.maximumBlobByteCount - upload.byteCount)
        return try await finish(upload, as: digest, body, call)
    }

    /// end-14: gives an upload up.
    func cancel(_ id: String, of name: RepositoryName, _ call: Call) async throws -> Reply {
        try call.require(.write, name)
        let upload = try await open(id, of: name, call)
        try await work.run { try call.registry.cancel(upload) }
        return Reply(.noContent)
    }

    private func finish(
        _ upload: BlobUpload, as digest: ContentDigest, _ body: RequestBodyReader, _ call: Call
    ) async throws -> Reply {
        do {
            try await receive(body, upload)
        } catch {
            uploads.put(upload)
            throw error
        }
        do {
            try await work.run { try call.registry.finish(upload, as: digest.description) }
        } catch let error as RegistryError where error.code == .damagedBlob {
            throw Failure(.badRequest, .digestInvalid, error.message)
        } catch {
            uploads.put(upload)
            throw error
        }
        return created(digest, in: upload.repository, call)
    }

    private func receive(_ body: RequestBodyReader, _ upload: BlobUpload) async throws {
        var body = body
        while let piece = try await body.next() {
            try await work.run { try upload.append(piece) }
        }
    }

    private func open(_ id: String, of name: RepositoryName, _ call: Call) async throws -> BlobUpload {
        if let upload = uploads.take(id) {
            if upload.repository == name { return upload }
            uploads.put(upload)
        } else if OpenUploads.isID(id), let upload = try await work.run({ try call.registry.upload(id, to: name) }) {
            return upload
        }
        throw Failure(
            .notFound, .blobUploadUnknown,
            "Unable to continue the upload: '\(name)' has no such upload. It may be finished or given up; begin anew.")
    }

    /// Chunks come in order: the first byte is the one after the last.
    private func check(_ text: String?, _ upload: BlobUpload, _ call: Call) throws {
        guard let text else { return }
        let byteCount = upload.byteCount
        guard let range = UploadRange.parse(text.hasPrefix("bytes ") ? String(text.dropFirst(6)) : text) else {
            throw Failure(
                .badRequest, .blobUploadInvalid, "Unable to continue the upload: 'Content-Range' is no range.")
        }
        guard range.lowerBound == byteCount else {
            throw Failure(
                .rangeNotSatisfiable, .blobUploadInvalid,
                "Unable to continue the upload: it has \(byteCount) bytes, the chunk begins at \(range.lowerBound).",
                headers: location(upload))
        }
        guard call.request.headers[.contentLength].map({ $0 == String(range.count) }) ?? true else {
            throw Failure(
                .badRequest, .sizeInvalid,
                "Unable to continue the upload: 'Content-Range' has \(range.count) bytes, 'Content-Length' says another "
                    + "number.", headers: location(upload))
        }
    }

    private func location(_ upload: BlobUpload) -> HTTPFields {
        let byteCount = upload.byteCount
        return [
            .location: "/v2/\(upload.repository)/blobs/uploads/\(upload.id)", .uploadID: upload.id,
            // The header cannot say that there is nothing yet.
            .range: "0-\(max(0, byteCount - 1))",
        ]
    }

    private func created(_ digest: ContentDigest, in name: RepositoryName, _ call: Call) -> Reply {
        Reply(
            .created, [.location: "/v2/\(name)/blobs/\(digest)", .contentDigest: digest.description])
    }

    private func mount(_ digest: ContentDigest, to name: RepositoryName, _ call: Call) async throws -> Bool {
        let sources: [RepositoryName]
        if let text = call.target["from"], !text.isEmpty {
            do throws(RegistryError) {
                sources = [try RepositoryName(parsing: text)]
            } catch {
                throw Failure(.badRequest, .nameInvalid, error.message)
            }
        } else {
            sources = try await work.run {
                let owner = rendered.knownOwner(of: digest)?.description
                return try call.registry.repositories(withPackageBlob: digest.description)
                    + (owner.map { try call.registry.repositories(withPackageBlob: $0) } ?? [])
            }
        }
        // What the client may not read it may not mount either, nor learn that it exists.
        for source in sources where call.identity.may(.read, source.description) {
            let isMounted = try await work.run {
                if try call.registry.mountPackageBlob(digest.description, from: source, to: name) { return true }
                guard let bytes = try rendered.blob(digest, in: source, of: call.registry) else { return false }
                try call.registry.storePackageBlob(
                    bytes, as: digest.description, in: name, upload: RandomText.uuid())
                return true
            }
            if isMounted { return true }
        }
        return false
    }

    func digest(_ text: String) throws -> ContentDigest {
        do throws(OCIError) {
            return try ContentDigest(parsing: text)
        } catch {
            throw Failure(.badRequest, .digestInvalid, error.message)
        }
    }
}

extension OpenUploads {
    /// Whether a text has the form of an upload's name; nothing else becomes part of a path.
    static func isID(_ text: String) -> Bool {
        text.utf8.count == 36
            && text.utf8.enumerated().allSatisfy { index, byte in
                switch byte {
                case UInt8(ascii: "-"): [8, 13, 18, 23].contains(index)
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
                default: false
                }
            }
    }
}
