internal import Synchronization

/// A file under construction that threads write side by side without waiting for each other.
///
/// The kernel lets one thread at a time write to a file, and the others burn their time until it is done. Here a thread
/// that finds another one writing leaves its bytes with that one and goes on with its work.
public final class QueuedOutput: Sendable {
    private struct Waiting {
        var pieces: [(bytes: [UInt8], position: Int)] = []
        var isBeingWritten = false
    }

    /// How many pieces wait at most; a thread that has one more writes it itself.
    private static let capacity = 8

    private let output: PositionedOutput
    private let waiting = Mutex(Waiting())

    /// - Parameter file: the file, which outlives this.
    public init(_ file: OutputFile) {
        output = file.positioned
    }

    init(_ output: PositionedOutput) {
        self.output = output
    }

    /// Writes bytes at a position, at the latest when all calls have returned. What is left to another thread and fails
    /// there is thrown there.
    public func write(_ bytes: [UInt8], at position: Int) throws {
        enum Turn { case left, alone, first }
        let turn: Turn = waiting.withLock { waiting in
            guard waiting.isBeingWritten else {
                waiting.isBeingWritten = true
                return .first
            }
            guard waiting.pieces.count < Self.capacity else { return .alone }
            waiting.pieces.append((bytes, position))
            return .left
        }
        switch turn {
        case .left: return
        case .alone: try output.write(bytes, at: position)
        case .first:
            var next: (bytes: [UInt8], position: Int)? = (bytes, position)
            while let piece = next {
                do {
                    try output.write(piece.bytes, at: piece.position)
                } catch {
                    waiting.withLock { $0 = Waiting() }
                    throw error
                }
                next = waiting.withLock { waiting in
                    // The last in first out: its bytes are still in a cache.
                    let next = waiting.pieces.popLast()
                    waiting.isBeingWritten = next != nil
                    return next
                }
            }
        }
    }
}
