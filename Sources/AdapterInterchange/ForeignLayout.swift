import FileSystem

/// The layouts of other tools that adapters can be read from.
public enum ForeignLayout: String, Sendable, CaseIterable {
    /// A folder written by PEFT, see ``PEFT``.
    case peft

    /// The layout of what lies at a path.
    ///
    /// - Throws: ``InterchangeError`` with code `unknownLayout` when it is none of these; `FileSystemError` with code
    ///   `notFound` when nothing is there. A layout that is known here can still be refused by its reader.
    public static func detect(_ path: String) throws -> ForeignLayout {
        switch Directory.kind(of: path) {
        case .directory where PEFT.isAdapterFolder(path): return .peft
        case nil:
            throw FileSystemError(
                .notFound, "Unable to read '\(path)': no such file or folder. Check the path.", path: path)
        default:
            throw InterchangeError(
                .unknownLayout, "it is not an adapter in a layout that is known here",
                remedy: "Name a folder written by PEFT (\(PEFT.configurationName) and \(PEFT.tensorsName)).", path: path
            )
        }
    }
}
