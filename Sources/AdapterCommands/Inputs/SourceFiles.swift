internal import FileSystem

/// The files that another tool's layout is read from, as they were before the first of them was read.
struct SourceFiles {
    private let files: [InputFile]

    /// Opens a file, or all files of a folder.
    init(_ path: String) throws {
        guard Directory.kind(of: path) == .directory else {
            files = Directory.kind(of: path) == .file ? [try InputFile(opening: path)] : []
            return
        }
        files = try Directory.names(in: path).map { "\(path)/\($0)" }.filter { Directory.kind(of: $0) == .file }
            .map { try InputFile(opening: $0) }
    }

    /// Checks that they are still there and nobody has written to them.
    ///
    /// - Throws: `FileSystemError` with code `changed` or `notFound`.
    func checkUnchanged() throws {
        for file in files { try file.checkUnchangedAtPath() }
    }
}
