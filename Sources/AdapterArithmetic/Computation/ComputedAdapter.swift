public import Adapters

/// The result of an operation on adapters.
///
/// Its tensors are computed module by module when they are read, so memory holds one module at a time. Reading A and
/// B of a module one after the other computes it once.
public struct ComputedAdapter: Sendable {
    /// The adapter, without provenance.
    public let adapter: Adapter
    let engine: ComputationEngine

    /// What the low-rank updates lost against the exact result, for every module that has one.
    ///
    /// Computes the modules that were not read yet. Covers s·B·A alone: neither biases nor parameters stored as
    /// absolute values, nor DoRA's magnitudes.
    ///
    /// - Throws: ``ArithmeticError`` with code `nonFinite`, `overflow`, `limitExceeded` or `factorisationFailed`, and
    ///   what reading the inputs throws.
    public func certificate() throws -> ErrorCertificate { try engine.certificate() }
}
