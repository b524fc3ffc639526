import FileSystem
import NIOCore

/// A file that is being sent.
struct OpenFile: Sendable {
    /// How much is in memory of each answer.
    static let pieceByteCount = 256 << 10

    private let file: InputFile

    init(_ path: String) throws { file = try InputFile(opening: path) }

    /// A part of the file.
    func piece(at offset: Int, count: Int) throws -> ByteBuffer {
        ByteBuffer(bytes: try file.read(at: offset, count: count))
    }
}
