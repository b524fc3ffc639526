import Adapters
import LinearAlgebra

/// The factors of one module as they are stored, and what they lost.
struct ComputedModule: Sendable {
    /// A's bytes; none when A is kept.
    let a: [UInt8]
    /// B's bytes; none when B is kept.
    let b: [UInt8]
    /// What was lost.
    let certificate: ErrorCertificate.Module
}

/// What is to be computed for one module; decided before anything is.
protocol ModuleComputation: Sendable {
    /// Whether it keeps all processors busy by itself, and is computed alone; others are computed side by side.
    var usesAllProcessors: Bool { get }
    /// About how many elements it reads and writes; large ones are computed one at a time.
    var elementCount: Int { get }

    /// The factors and their loss; called once a reading, with little else of the adapter in memory.
    func computed() throws -> ComputedModule
}

extension ModuleComputation {
    var usesAllProcessors: Bool { false }
}

/// What one slice of a module lost.
struct Loss {
    var deltaNorm: Double
    var truncationError = 0.0
    var largestDropped = 0.0
    var roundingError = 0.0

    /// The loss of a module: its slices are orthogonal blocks.
    static func certificate(_ losses: [Loss], name: String, rank: Int) -> ErrorCertificate.Module {
        ErrorCertificate.Module(
            name: name, rank: rank, deltaNorm: Matrix.norm(losses.map(\.deltaNorm)[...]),
            truncationError: Matrix.norm(losses.map(\.truncationError)[...]),
            largestDroppedSingularValue: losses.map(\.largestDropped).max() ?? 0,
            roundingError: Matrix.norm(losses.map(\.roundingError)[...]))
    }
}
