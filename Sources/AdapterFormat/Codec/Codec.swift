internal import Tensors

/// How a chunk's bytes are stored (spec clause 8.4).
enum Codec: UInt8, CaseIterable {
    case raw = 0
    case constant = 1
    case planes = 2
    case zstd = 3
}

/// A chunk ready to be stored.
struct EncodedChunk {
    var codec: Codec
    var bytes: [UInt8]
}
