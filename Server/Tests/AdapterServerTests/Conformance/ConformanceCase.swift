import Testing

/// One requirement of the distribution specification, put to any registry.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    /// What is required.
    let name: String
    /// What a registry must claim for the requirement to apply.
    var features: Peer.Features = []
    /// Asks, and expects.
    let body: @Sendable (Peer) throws -> Void

    var testDescription: String { name }

    /// All cases.
    static let all: [ConformanceCase] = pull + push + discovery + management
}
