public import AdapterFormat

/// What a download did.
public struct FetchedBlob: Sendable {
    /// What was verified of an adapter file on the way; nil when it could not be, because the blob is none, is small or
    /// came in one piece only.
    public var verification: PartVerification?
    /// How many bytes have come from the peer: fewer than the blob has when an earlier process had left some, and more
    /// when some had to be fetched again.
    public var fetchedByteCount: Int
}

/// What an upload did.
public struct SentBlob: Sendable {
    /// How many bytes were sent to the peer.
    public var sentByteCount = 0
    /// How many bytes the peer had kept of an upload that another process had begun.
    public var resumedByteCount = 0
}
