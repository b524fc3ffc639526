import FileSystem
public import Integrity

/// A file that belongs to a stored adapter, such as what its training run goes on from.
///
/// It is stored like an adapter, under its digest: backups copy it, checks read it, and the collection of unused files
/// leaves it until its adapter goes.
public struct Attachment: Hashable, Sendable {
    /// What it is to the adapter.
    public let name: String
    /// SHA-256 of its bytes.
    public let digest: Digest
    /// Its length in bytes.
    public let byteCount: Int
    /// Where it is.
    public let path: String
}

/// A complete file that is about to be attached; it goes when it is released without.
package struct AttachmentDraft {
    let output: OutputFile
    /// SHA-256 of its bytes.
    package let digest: Digest
    let byteCount: Int
}

/// What a push does with the attached files of one name.
package struct AttachmentChange {
    let name: String
    let draft: AttachmentDraft?
    let keptCount: Int

    /// - Parameters:
    ///   - name: the attached files' name.
    ///   - draft: what the new version gets; nil for nothing.
    ///   - keptCount: how many of the tag's versions keep theirs, the new one counted. Versions that a tag stands at
    ///     keep theirs in any case.
    package init(_ name: String, draft: AttachmentDraft?, keptCount: Int) {
        self.name = name
        self.draft = draft
        self.keptCount = keptCount
    }
}
