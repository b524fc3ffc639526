import Glibc

/// Folders: making, listing, flushing and removing them.
public enum Directory {
    /// What stands at a path.
    public enum Kind: Sendable {
        /// A regular file.
        case file
        /// A folder.
        case directory
        /// Anything else: a pipe, a device, a socket.
        case other
    }

    /// What stands at a path, following links; nil when nothing does.
    public static func kind(of path: String) -> Kind? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFDIR: return .directory
        default: return .other
        }
    }

    /// When a file was last changed, in milliseconds since 1970; nil when there is none.
    public static func modificationMilliseconds(of path: String) -> Int64? {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec / 1_000_000)
    }

    /// Makes a folder and those above it; one that exists is fine.
    public static func create(_ path: String) throws {
        if kind(of: path) == .directory { return }
        let (folder, _) = split(path)
        if folder != path, kind(of: folder) == nil { try create(folder) }
        if unsafe mkdir(path, 0o755) != 0 {
            let number = errno
            // Another process may have made the folder meanwhile; a file is in the way.
            guard number == EEXIST, kind(of: path) == .directory else {
                throw FileSystemError.systemCall("create", path, number: number)
            }
        }
        try synchronize(folder)
    }

    /// The names in a folder in the order of their UTF-8 bytes, without `.` and `..`.
    public static func names(in path: String) throws -> [String] {
        guard let stream = unsafe opendir(path) else { throw FileSystemError.systemCall("list", path) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            // Only errno tells the end of the folder from a failure to read it.
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                guard errno == 0 else { throw FileSystemError.systemCall("list", path) }
                break
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The paths, relative to a folder, of all regular files in it and below, in the order of their UTF-8 bytes.
    ///
    /// - Parameter isSkipped: tells of a relative path whether it is left out, a folder with everything in it.
    /// - Throws: ``FileSystemError`` with code `wrongKind` for a link, a pipe and anything else that is neither a file nor
    ///   a folder.
    public static func files(below path: String, except isSkipped: (String) -> Bool = { _ in false }) throws -> [String]
    {
        var files: [String] = []
        var folders = [""]
        while let folder = folders.popLast() {
            for name in try names(in: folder.isEmpty ? path : "\(path)/\(folder)") {
                let relative = folder.isEmpty ? name : "\(folder)/\(name)"
                guard !isSkipped(relative) else { continue }
                var status = stat()
                guard unsafe lstat("\(path)/\(relative)", &status) == 0 else {
                    throw FileSystemError.systemCall("examine", "\(path)/\(relative)")
                }
                switch status.st_mode & S_IFMT {
                case S_IFREG: files.append(relative)
                case S_IFDIR: folders.append(relative)
                default:
                    throw FileSystemError(
                        .wrongKind,
                        "Unable to read '\(path)/\(relative)': it is neither a file nor a folder. Remove it or replace it "
                            + "by what it stands for.", path: "\(path)/\(relative)")
                }
            }
        }
        return files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Makes the names in a folder durable.
    public static func synchronize(_ path: String) throws {
        try FileDescriptor(opening: path, flags: O_RDONLY | O_DIRECTORY, verb: "flush").synchronize()
    }

    /// Makes the bytes of a file durable that somebody else has written.
    public static func synchronizeFile(_ path: String) throws {
        try FileDescriptor(opening: path, flags: O_RDONLY, verb: "flush").synchronize()
    }

    /// Gives a file another name on the same file system, in place of what has it; false when the file does not exist.
    ///
    /// Neither folder is flushed: after a power failure the file may stand under either name.
    public static func move(_ path: String, to newPath: String) throws -> Bool {
        if unsafe rename(path, newPath) == 0 { return true }
        if errno == ENOENT { return false }
        throw FileSystemError.systemCall("move", path)
    }

    /// Gives a file a second name, or copies it where the two names are on different file systems.
    ///
    /// - Throws: ``FileSystemError`` with code `alreadyExists` when the second name is taken.
    public static func link(_ path: String, to newPath: String) throws {
        if unsafe Glibc.link(path, newPath) == 0 { return }
        guard [EXDEV, EPERM, EMLINK, EOPNOTSUPP].contains(errno) else {
            throw FileSystemError.systemCall("link", path)
        }
        let source = try InputFile(opening: path)
        let copy = try OutputFile(beside: newPath)
        try source.forEachPiece(in: 0..<source.byteCount) { try copy.write($0) }
        try copy.commit(as: newPath, mode: source.mode, replacing: false)
    }

    /// The length of a file in bytes and when it was last written; nil when there is no such file.
    public static func status(of path: String) -> (byteCount: Int, modifiedMilliseconds: Int64)? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return (
            Int(status.st_size), Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
        )
    }

    /// The same of what must not be taken for missing when the system cannot tell.
    ///
    /// - Throws: ``FileSystemError`` when something may stand at the path that cannot be examined.
    public static func examine(_ path: String) throws -> (byteCount: Int, modifiedMilliseconds: Int64)? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let number = errno
            guard number == ENOENT || number == ENOTDIR else {
                throw FileSystemError.systemCall("examine", path, number: number)
            }
            return nil
        }
        return (
            Int(status.st_size), Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
        )
    }

    /// Removes a file, or a folder with everything in it; links are removed, not followed.
    public static func remove(_ path: String) throws {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw FileSystemError.systemCall("remove", path)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            guard unsafe unlink(path) == 0 || errno == ENOENT else { throw FileSystemError.systemCall("remove", path) }
            return
        }
        for name in try names(in: path) { try remove("\(path)/\(name)") }
        guard unsafe rmdir(path) == 0 || errno == ENOENT else { throw FileSystemError.systemCall("remove", path) }
    }
}

/// A folder under construction: it appears under its name with all its files, or not at all.
public final class OutputDirectory {
    private var isCommitted = false
    private let replaces: Bool
    /// Where files are written until the commit.
    public let temporaryPath: String
    /// Where the folder will appear.
    public let path: String

    /// Creates the temporary folder beside `path`, whose parents are made when missing.
    ///
    /// - Parameter replacing: whether what stands at `path` is replaced by the commit.
    /// - Throws: ``FileSystemError`` with code `alreadyExists` when `path` is a file or a folder that is not empty and is
    ///   not to be replaced.
    public init(creating path: String, replacing: Bool = false) throws {
        self.path = path
        let (folder, _) = split(path)
        switch Directory.kind(of: path) {
        case nil: try Directory.create(folder)
        case .directory where try Directory.names(in: path).isEmpty: break
        default: guard replacing else { throw FileSystemError.systemCall("write", path, number: EEXIST) }
        }
        replaces = replacing
        // Without the folder's own name, which may be as long as the file system permits.
        temporaryPath = "\(folder)/.\(uniqueSuffix())"
        guard unsafe mkdir(temporaryPath, 0o755) == 0 else { throw FileSystemError.systemCall("create", temporaryPath) }
    }

    deinit {
        // A folder left behind after a failed clean-up is hidden and harmless; there is nobody to tell here.
        if !isCommitted { try? Directory.remove(temporaryPath) }
    }

    /// Flushes the folder and lets it appear under its name.
    public func commit() throws {
        try Directory.synchronize(temporaryPath)
        if replaces, Directory.kind(of: path) != nil {
            // What stood there steps aside first and back again if the new folder cannot take its place.
            let aside = "\(split(path).folder)/.\(uniqueSuffix())"
            guard unsafe rename(path, aside) == 0 else { throw FileSystemError.systemCall("replace", path) }
            guard unsafe rename(temporaryPath, path) == 0 else {
                let failure = FileSystemError.systemCall("write", path)
                unsafe rename(aside, path)
                throw failure
            }
            isCommitted = true
            try Directory.remove(aside)
        } else {
            guard unsafe rename(temporaryPath, path) == 0 else { throw FileSystemError.systemCall("write", path) }
            isCommitted = true
        }
        try Directory.synchronize(split(path).folder)
    }
}
