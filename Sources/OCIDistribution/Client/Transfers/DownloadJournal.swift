internal import ByteCoding
internal import FileSystem

/// Which segments of a file under construction are complete, kept behind the file's own bytes: an earlier process that
/// was killed has left them, and whoever goes on reads them.
///
/// A byte a segment, after a line that says how the file was divided. What a crash of the machine leaves may be wrong;
/// the digest of the whole shows it, and everything is fetched again.
struct DownloadJournal: Sendable {
    private static let headByteCount = 32

    private let file: PositionedOutput
    private let start: Int
    /// Which segments were complete when the file was opened.
    let isComplete: [Bool]

    /// Reads the journal, or begins one when there is none for this division.
    ///
    /// - Parameter identity: tells one division of the file from another; 32 bytes.
    init(_ output: OutputFile, byteCount: Int, segmentCount: Int, identity: [UInt8]) throws {
        file = output.positioned
        start = byteCount
        let end = byteCount + DownloadJournal.headByteCount + segmentCount
        if try output.byteCount() == end,
            try output.read(at: byteCount, count: DownloadJournal.headByteCount) == identity
        {
            isComplete = try output.read(at: byteCount + DownloadJournal.headByteCount, count: segmentCount)
                .map { $0 == 1 }
        } else {
            try output.resize(to: 0)
            try output.resize(to: end)
            try file.write(identity, at: byteCount)
            isComplete = Array(repeating: false, count: segmentCount)
        }
    }

    /// Notes that a segment is complete.
    func complete(_ segment: Int) throws {
        try file.write([1], at: start + DownloadJournal.headByteCount + segment)
    }
}
