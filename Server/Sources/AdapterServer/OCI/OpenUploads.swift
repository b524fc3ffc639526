import AdapterRegistry
import Synchronization

/// Uploads that are kept open between requests, so that their hash goes on where it stopped.
///
/// Any may be dropped at any time: opened again, it reads its file once.
final class OpenUploads: Sendable {
    private struct Entry {
        var upload: BlobUpload
        var usedAt: ContinuousClock.Instant
    }

    private static let limit = 256

    private let entries = Mutex<[String: Entry]>([:])

    /// Takes an upload out; who has it is alone with it.
    func take(_ id: String) -> BlobUpload? { entries.withLock { $0.removeValue(forKey: id)?.upload } }

    /// Puts an upload back for its next request.
    func put(_ upload: BlobUpload) {
        entries.withLock { entries in
            if entries.count >= OpenUploads.limit, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
                entries.removeValue(forKey: oldest.key)
            }
            entries[upload.id] = Entry(upload: upload, usedAt: .now)
        }
    }
}
