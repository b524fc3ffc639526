package import FileSystem
public import Integrity
import Tensors

extension Registry {
    /// Writes a file that is to be attached to an adapter: a push with an ``AttachmentChange`` stores both.
    ///
    /// - Parameter write: writes it, from the beginning.
    /// - Complexity: writes the file and reads it once.
    package func makeAttachment(_ write: (OutputFile) throws -> Void) throws -> AttachmentDraft {
        try writing("write to the registry") {
            let output = try blobs.makeTemporary()
            try write(output)
            let file = try InputFile(opening: output.temporaryPath)
            let (digest, _) = try Concurrent.both {
                var hasher = SHA256()
                try file.forEachPiece(in: 0..<file.byteCount) { hasher.update($0) }
                return hasher.finalize()
            } _: {
                try output.makeDurable(mode: 0o444)
            }
            return AttachmentDraft(output: output, digest: digest, byteCount: file.byteCount)
        }
    }

    /// What is attached to a stored adapter under a name; nil when nothing is, or no longer.
    ///
    /// Its bytes are not checked; ``verifyAll(progress:)`` does that.
    public func attachment(_ name: String, of digest: Digest) throws -> Attachment? {
        try catalog.read { try Catalog.attachment(name, of: digest, in: $0) }.map { found in
            Attachment(
                name: name, digest: found.digest, byteCount: found.byteCount, path: blobs.path(of: found.digest))
        }
    }
}
