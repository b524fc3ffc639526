import ByteCoding
import FileSystem

extension ForeignLayout {
    /// The layout of what lies at a path, by what it holds and not by what it is called.
    ///
    /// - Throws: ``InterchangeError`` with code `unknownLayout` or `pickle` when it is none of these; `FileSystemError`
    ///   with code `notFound` when nothing is there. A layout that is known here can still be refused by its reader.
    public static func detect(_ path: String) throws -> ForeignLayout {
        do {
            switch Directory.kind(of: path) {
            case .directory: return try detect(folder: path)
            case .file: return try detect(file: path)
            case nil:
                throw FileSystemError(
                    .notFound, "Unable to read '\(path)': no such file or folder. Check the path.", path: path)
            default: throw unknown
            }
        } catch let error as InterchangeError {
            throw error.path.isEmpty ? error.about("read", path) : error
        }
    }

    /// The folder of an adapter whose tensor file was named instead.
    static func folder(_ path: String) -> String {
        guard Directory.kind(of: path) == .file else { return path }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static let unknown = InterchangeError(
        .unknownLayout, "it is not an adapter in a layout that is known here",
        remedy: "Name a folder of PEFT, mlx-lm or diffusers, or a file: .adpt, .safetensors, .gguf or .npz.")

    private static func detect(folder: String) throws -> ForeignLayout {
        let configuration = "\(folder)/\(PEFT.configurationName)"
        if Directory.kind(of: configuration) == .file {
            // Both tools call the file so; each has entries that the other never writes.
            let document = try ModelIndex.document(reading: configuration, limit: PEFTConfiguration.maximumByteCount)
            return document["peft_type"] == nil && MLX.isConfiguration(document) ? .mlx : .peft
        }
        if Directory.kind(of: "\(folder)/\(Diffusers.tensorsName)") == .file { return .diffusers }
        guard PEFT.isAdapterFolder(folder) else { throw unknown }
        return .peft
    }

    private static func detect(file path: String) throws -> ForeignLayout {
        let file = try InputFile(opening: path)
        let start = try file.read(at: 0, count: min(8, file.byteCount))
        if start.starts(with: GGUFFile.magic) { return .gguf }
        if start.starts(with: ZipArchive.localMagic) || start.starts(with: ZipArchive.endMagic) {
            // PyTorch's own archives are zip files too.
            guard try !ZipArchive(opening: path).names.contains(where: { $0.hasSuffix("/data.pkl") }) else {
                throw pickle
            }
            return .npz
        }
        // The protocol opcode of pickles, with which PyTorch's older files begin too.
        if start.count > 1, start[0] == 0x80, (2...5).contains(start[1]) { throw pickle }
        guard start.count == 8, start[4...] == [0, 0, 0, 0] else { throw unknown }
        return try detect(SafetensorsFile(opening: path))
    }

    private static let pickle = InterchangeError(
        .pickle, "it is a pickle, which can run any code when it is opened",
        remedy: "Save the tensors as safetensors with the tool that wrote it.")

    private static func detect(_ file: SafetensorsFile) throws -> ForeignLayout {
        if file.metadata[PlainLayout.metadataKey] != nil { return .safetensors }
        let names = file.entries.map(\.name)
        if file.metadata[Diffusers.metadataKey] != nil || names.contains(where: Diffusers.isTensorName) {
            return .diffusers
        }
        if names.contains(where: Kohya.isTensorName) { return .kohya }
        if names.contains(where: MLX.isTensorName) { return .mlx }
        // PEFT's folder can be named by its tensor file; another file beside it is not the one PEFT would read.
        let isPEFT = file.path.split(separator: "/").last.map(String.init) == PEFT.tensorsName
        if isPEFT, Directory.kind(of: "\(folder(file.path))/\(PEFT.configurationName)") == .file { return .peft }
        guard names.contains(where: PlainLayout.isTensorName) else { throw unknown }
        return .safetensors
    }

    /// The layout to write at a path when nobody names one: by the ending, else PEFT's.
    public static func forWriting(_ path: String) -> ForeignLayout {
        for (ending, layout) in [(".gguf", ForeignLayout.gguf), (".npz", .npz), (".safetensors", .safetensors)]
        where path.hasSuffix(ending) {
            return layout
        }
        return .peft
    }
}
