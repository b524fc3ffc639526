package import ByteCoding

/// What a computed adapter lost against the exact result, module by module.
///
/// All norms are Frobenius norms of ΔW, with the scaling applied.
public struct ErrorCertificate: Hashable, Sendable {
    /// The loss in one module.
    public struct Module: Hashable, Sendable {
        /// The module's name.
        public var name: String
        /// The rank that was kept.
        public var rank: Int
        /// ‖ΔW‖ of the exact result.
        public var deltaNorm: Double
        /// ‖ΔW − B'A'‖ of the truncation alone, before the factors were stored.
        public var truncationError: Double
        /// The largest singular value that was dropped; 0 when none was.
        public var largestDroppedSingularValue: Double
        /// ‖B'A' − stored B'A'‖: what rounding to the storage type cost.
        public var roundingError: Double

        /// Creates an entry.
        public init(
            name: String, rank: Int, deltaNorm: Double, truncationError: Double, largestDroppedSingularValue: Double,
            roundingError: Double
        ) {
            self.name = name
            self.rank = rank
            self.deltaNorm = deltaNorm
            self.truncationError = truncationError
            self.largestDroppedSingularValue = largestDroppedSingularValue
            self.roundingError = roundingError
        }

        /// The truncation error over ‖ΔW‖; 0 when both are 0.
        public var relativeTruncationError: Double { ErrorCertificate.ratio(truncationError, deltaNorm) }
        /// The rounding error over ‖ΔW‖; 0 when both are 0.
        public var relativeRoundingError: Double { ErrorCertificate.ratio(roundingError, deltaNorm) }
    }

    /// The modules, in the adapter's order.
    public var modules: [Module]

    /// Creates a certificate.
    public init(modules: [Module]) {
        self.modules = modules
    }

    /// ‖ΔW‖ over all modules together.
    public var deltaNorm: Double { norm(\.deltaNorm) }
    /// The truncation error over all modules together.
    public var truncationError: Double { norm(\.truncationError) }
    /// The rounding error over all modules together.
    public var roundingError: Double { norm(\.roundingError) }
    /// The largest singular value that was dropped in any module.
    public var largestDroppedSingularValue: Double { modules.map(\.largestDroppedSingularValue).max() ?? 0 }
    /// The truncation error over ‖ΔW‖.
    public var relativeTruncationError: Double { ErrorCertificate.ratio(truncationError, deltaNorm) }
    /// The rounding error over ‖ΔW‖.
    public var relativeRoundingError: Double { ErrorCertificate.ratio(roundingError, deltaNorm) }

    private func norm(_ value: KeyPath<Module, Double>) -> Double {
        // Modules are orthogonal blocks of one block-diagonal ΔW, so their squares add up.
        modules.reduce(0) { $0 + $1[keyPath: value] * $1[keyPath: value] }.squareRoot()
    }

    private static func ratio(_ error: Double, _ norm: Double) -> Double {
        norm > 0 ? error / norm : (error > 0 ? .infinity : 0)
    }
}

extension ErrorCertificate {
    /// The certificate as a metadata document.
    package var metadata: MetadataValue {
        [
            "modules": .array(
                modules.map { module in
                    [
                        "name": .string(module.name), "rank": MetadataValue(module.rank),
                        "deltaNorm": .double(module.deltaNorm), "truncationError": .double(module.truncationError),
                        "largestDroppedSingularValue": .double(module.largestDroppedSingularValue),
                        "roundingError": .double(module.roundingError),
                    ]
                })
        ]
    }

    /// A certificate from a metadata document.
    ///
    /// - Throws: ``AdapterError`` with code `invalidMetadata`.
    package init(metadata: MetadataValue) throws {
        let invalid = AdapterError(
            .invalidMetadata, "The error certificate lacks a field or holds one of another type.")
        guard let modules = metadata["modules"]?.array else { throw invalid }
        self.init(
            modules: try modules.map { module in
                guard let name = module["name"]?.string, let rank = module["rank"]?.integer,
                    let deltaNorm = module["deltaNorm"]?.number,
                    let truncationError = module["truncationError"]?.number,
                    let dropped = module["largestDroppedSingularValue"]?.number,
                    let roundingError = module["roundingError"]?.number
                else { throw invalid }
                return Module(
                    name: name, rank: rank, deltaNorm: deltaNorm, truncationError: truncationError,
                    largestDroppedSingularValue: dropped, roundingError: roundingError)
            })
    }
}
