public import Adapters
import FileSystem

/// An adapter in another tool's layout that is written but not yet there: nothing appears before ``commit()``.
public struct ForeignOutput {
    private let place: Place
    /// Sentences about what was converted or left out, without a full stop.
    public internal(set) var remarks: [String]
    /// What writing cost, where numbers could not stay as they are; computed when it is asked for.
    public let certificate: (@Sendable () throws -> ErrorCertificate)?

    private enum Place {
        case folder(OutputDirectory)
        case file(OutputFile, path: String, replacing: Bool)
    }

    init(
        folder: OutputDirectory, remarks: [String] = [], certificate: (@Sendable () throws -> ErrorCertificate)? = nil
    ) {
        place = .folder(folder)
        self.remarks = remarks
        self.certificate = certificate
    }

    init(
        file: OutputFile, path: String, options: WritingOptions, remarks: [String] = [],
        certificate: (@Sendable () throws -> ErrorCertificate)? = nil
    ) {
        place = .file(file, path: path, replacing: options.replacing)
        self.remarks = remarks
        self.certificate = certificate
    }

    /// Where the files are until they are committed.
    package var temporaryPath: String {
        switch place {
        case .folder(let folder): folder.temporaryPath
        case .file(let file, _, _): file.temporaryPath
        }
    }

    /// Makes the output durable and lets it appear.
    ///
    /// - Throws: `FileSystemError`.
    public func commit() throws {
        switch place {
        case .folder(let folder): try folder.commit()
        case .file(let file, let path, let replacing): try file.commit(as: path, replacing: replacing)
        }
    }
}

/// What writing a layout may need besides the adapter.
public struct WritingOptions: Sendable {
    /// The base model, for layouts that need its configuration.
    public var base: BaseOutline?
    /// The parts that may be left out.
    public var dropped: Set<AdapterPart>
    /// Whether what stands at the path is replaced.
    public var replacing: Bool

    /// Creates options.
    public init(base: BaseOutline? = nil, dropped: Set<AdapterPart> = [], replacing: Bool = false) {
        self.base = base
        self.dropped = dropped
        self.replacing = replacing
    }

    /// A file under construction for a path that is free or may be replaced.
    func file(at path: String) throws -> OutputFile {
        guard replacing || Directory.kind(of: path) == nil else {
            throw FileSystemError(
                .alreadyExists, "Unable to write '\(path)': it exists already. Use --force to replace it.", path: path)
        }
        return try OutputFile(beside: path)
    }
}
