public import ByteCoding

/// What people and tools say about an adapter; free to change without changing its identity.
public struct AdapterNotes: Hashable, Sendable {
    /// What this version is, in a sentence.
    public var message: String?
    /// The licence, as an SPDX expression where there is one.
    public var license: String?
    /// Free key-value pairs for search.
    public var labels: [String: String]
    /// The configuration of the tool that trained it, kept whole so that it can be given back value for value.
    public var source: SourceConfiguration?

    /// Creates notes.
    public init(
        message: String? = nil, license: String? = nil, labels: [String: String] = [:],
        source: SourceConfiguration? = nil
    ) {
        self.message = message
        self.license = license
        self.labels = labels
        self.source = source
    }
}

/// A foreign tool's own description of an adapter.
public struct SourceConfiguration: Hashable, Sendable {
    /// The layout it belongs to: `peft`, `mlx`, ….
    public var layout: String
    /// The configuration document as it was read.
    public var configuration: MetadataValue
    /// The metadata map of the tensor file as it was read.
    public var fileMetadata: [String: String]

    /// Creates a source description.
    public init(layout: String, configuration: MetadataValue, fileMetadata: [String: String]) {
        self.layout = layout
        self.configuration = configuration
        self.fileMetadata = fileMetadata
    }
}

extension AdapterNotes {
    /// Whether nothing is said.
    package var isEmpty: Bool { self == AdapterNotes() }

    /// The notes as a metadata document; fields that are not set are left out.
    package var metadata: MetadataValue {
        var entries: [String: MetadataValue] = [:]
        if let message { entries["message"] = .string(message) }
        if let license { entries["license"] = .string(license) }
        if !labels.isEmpty { entries["labels"] = .map(labels.mapValues(MetadataValue.string)) }
        if let source {
            entries["source"] = [
                "layout": .string(source.layout), "configuration": source.configuration,
                "fileMetadata": .map(source.fileMetadata.mapValues(MetadataValue.string)),
            ]
        }
        return .map(entries)
    }

    /// Notes from a metadata document; fields that are not known are ignored, as notes are descriptive.
    ///
    /// - Throws: ``AdapterError`` with code `invalidMetadata` when a known field has another type.
    package init(metadata: MetadataValue) throws {
        guard let entries = metadata.map else {
            throw AdapterError(.invalidMetadata, "The notes are not a map.")
        }
        self.init()
        message = try AdapterNotes.text(entries["message"], "message")
        license = try AdapterNotes.text(entries["license"], "license")
        labels = try AdapterNotes.texts(entries["labels"], "labels")
        if let source = entries["source"] {
            guard let layout = source["layout"]?.string, let configuration = source["configuration"] else {
                throw AdapterError(.invalidMetadata, "The notes name a source without its layout or configuration.")
            }
            self.source = SourceConfiguration(
                layout: layout, configuration: configuration,
                fileMetadata: try AdapterNotes.texts(source["fileMetadata"], "source.fileMetadata"))
        }
    }

    private static func text(_ value: MetadataValue?, _ field: String) throws -> String? {
        guard let value else { return nil }
        guard let text = value.string else {
            throw AdapterError(.invalidMetadata, "The notes' entry '\(field)' is not text.")
        }
        return text
    }

    private static func texts(_ value: MetadataValue?, _ field: String) throws -> [String: String] {
        guard let value else { return [:] }
        guard let entries = value.map else {
            throw AdapterError(.invalidMetadata, "The notes' entry '\(field)' is not a map of texts.")
        }
        return try entries.mapValues { value in
            guard let text = value.string else {
                throw AdapterError(.invalidMetadata, "The notes' entry '\(field)' holds a value that is not text.")
            }
            return text
        }
    }
}
