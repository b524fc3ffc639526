public import Adapters

/// An adapter read from another tool's layout.
public struct ForeignAdapter: Sendable {
    /// The layout it was read from.
    public let layout: ForeignLayout
    /// The adapter.
    public let adapter: Adapter
    /// Sentences about what was converted or left out, without a full stop.
    public let remarks: [String]
    /// What conversion cost, where numbers were not taken as they are; computed when it is asked for.
    public let certificate: (@Sendable () throws -> ErrorCertificate)?

    init(
        layout: ForeignLayout, adapter: Adapter, remarks: [String] = [],
        certificate: (@Sendable () throws -> ErrorCertificate)? = nil
    ) {
        self.layout = layout
        self.adapter = adapter
        self.remarks = remarks
        self.certificate = certificate
    }
}

/// What reading a layout may need besides its files.
public struct ReadingOptions: Sendable {
    /// The base model, for layouts whose names do not say which module they mean.
    public var base: BaseOutline?
    /// What is left out where a file holds it and no adapter can.
    public var dropped: Set<AdapterPart>

    /// Creates options.
    public init(base: BaseOutline? = nil, dropped: Set<AdapterPart> = []) {
        self.base = base
        self.dropped = dropped
    }
}
