public import Adapters

/// The layouts of other tools that adapters are read from and written in.
public enum ForeignLayout: String, Sendable, CaseIterable {
    /// A folder of PEFT, see ``PEFT``.
    case peft
    /// A file of kohya's sd-scripts or of LyCORIS.
    case kohya
    /// A folder or file of diffusers.
    case diffusers
    /// A folder of mlx-lm.
    case mlx
    /// A GGUF file for llama.cpp.
    case gguf
    /// A safetensors file that describes itself.
    case safetensors
    /// An archive of NumPy arrays.
    case npz

    /// The layout's name for people.
    public var title: String {
        switch self {
        case .peft: "PEFT"
        case .kohya: "kohya"
        case .diffusers: "diffusers"
        case .mlx: "MLX"
        case .gguf: "GGUF"
        case .safetensors: "plain safetensors"
        case .npz: "NumPy"
        }
    }

    /// What an adapter is made of beside low-rank updates that this layout has a place for.
    public var carriedParts: Set<AdapterPart> {
        switch self {
        case .peft, .safetensors, .npz: Set(AdapterPart.allCases)
        case .diffusers: Set(AdapterPart.allCases).subtracting([.bias, .full, .tokenRows, .opaque])
        case .mlx: [.dora]
        case .gguf: [.behaviour]
        case .kohya: []
        }
    }

    /// Reads an adapter; its tensors are read when they are asked for, so what lies at the path must stay while the
    /// adapter is used.
    ///
    /// - Throws: ``InterchangeError`` with a code that says what is wrong; `FileSystemError` when a file cannot be read.
    public func read(_ path: String, options: ReadingOptions = ReadingOptions()) throws -> ForeignAdapter {
        do {
            switch self {
            case .peft: return ForeignAdapter(layout: self, adapter: try PEFT.read(folder: ForeignLayout.folder(path)))
            case .kohya: return try Kohya.read(path, options: options)
            case .diffusers: return try Diffusers.read(path)
            case .mlx: return try MLX.read(path, options: options)
            case .gguf: return try GGUF.read(path, options: options)
            case .safetensors: return try PlainLayout.read(safetensors: path)
            case .npz: return try NumPyArchive.read(path)
            }
        } catch let error as InterchangeError {
            throw error.path.isEmpty ? error.about("read", path) : error
        } catch let error as AdapterError {
            throw InterchangeError(.invalidTensors, error.reason, name: error.module, path: path)
        }
    }

    /// Checks that the layout has a form for an adapter, without writing one.
    ///
    /// - Throws: ``InterchangeError`` as ``prepare(_:at:options:)`` does.
    public func check(_ adapter: Adapter, base: BaseOutline?) throws {
        let (adapter, _) = try adapter.restricted(to: self, dropping: [])
        switch self {
        case .peft: _ = try PEFTExport(adapter)
        case .gguf: _ = try GGUFExport(adapter, base: base)
        case .mlx: _ = try MLXExport(adapter)
        case .kohya: _ = try KohyaExport(adapter)
        case .diffusers: _ = try DiffusersExport(adapter)
        case .safetensors, .npz: _ = try PlainDocument.describing(adapter)
        }
    }

    /// Writes an adapter; nothing appears at the path before the result is committed.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when the layout has no place for something that is not
    ///   dropped, `baseNeeded` and others; `FileSystemError` with code `alreadyExists` and others.
    public func prepare(_ adapter: Adapter, at path: String, options: WritingOptions = WritingOptions()) throws
        -> ForeignOutput
    {
        do {
            let (adapter, remarks) = try adapter.restricted(to: self, dropping: options.dropped)
            var output: ForeignOutput =
                switch self {
                case .peft:
                    ForeignOutput(folder: try PEFT.prepare(adapter, asFolder: path, replacing: options.replacing))
                case .kohya: try Kohya.prepare(adapter, at: path, options: options)
                case .diffusers: try Diffusers.prepare(adapter, at: path, options: options)
                case .mlx: try MLX.prepare(adapter, asFolder: path, options: options)
                case .gguf: try GGUF.prepare(adapter, at: path, options: options)
                case .safetensors: try PlainLayout.prepare(adapter, safetensors: path, options: options)
                case .npz: try NumPyArchive.prepare(adapter, at: path, options: options)
                }
            output.remarks = remarks + output.remarks
            return output
        } catch let error as InterchangeError {
            throw error.path.isEmpty ? error.about("write", path) : error
        }
    }
}
