public import AdapterInterchange
public import ArgumentParser

/// The layouts that a command can write: our own and those of other tools.
enum OutputLayout: Hashable, CaseIterable, ExpressibleByArgument {
    case adpt
    case foreign(ForeignLayout)

    static let allCases: [OutputLayout] = [.adpt] + ForeignLayout.allCases.map(OutputLayout.foreign)

    init?(argument: String) {
        guard let layout = OutputLayout.allCases.first(where: { $0.name == argument }) else { return nil }
        self = layout
    }

    static var allValueStrings: [String] { allCases.map(\.name) }

    /// The word for `--as`.
    var name: String {
        switch self {
        case .adpt: "adpt"
        case .foreign(let layout): layout.rawValue
        }
    }

    /// The layout of a path whose layout nobody names.
    init(forPath path: String) {
        self = path.hasSuffix(".adpt") ? .adpt : .foreign(.forWriting(path))
    }
}

/// Options of commands that write a layout.
struct OutputLayoutArguments: ParsableArguments {
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp(
            "The layout: adpt, peft, safetensors, gguf, mlx, kohya, diffusers or npz; default: by the path's ending, "
                + ".adpt, .safetensors, .gguf or .npz, else peft.",
            valueName: "layout"))
    var layout: OutputLayout?

    @OptionGroup var loss: LossArguments

    /// The layout for a path.
    func layout(for path: String) -> OutputLayout { layout ?? OutputLayout(forPath: path) }
}

/// What may be given up between layouts.
struct LossArguments: ParsableArguments {
    @Option(
        name: .customLong("drop"),
        help: ArgumentHelp(
            "Leave out what the layout has no place for: dora, lora-bias, bias, modules-to-save, token-rows, other or "
                + "behaviour; may be repeated.", valueName: "part"))
    var dropped: [AdapterPart] = []

    /// What reading needs, given the folder or file of the base model.
    func reading(base: String?) throws -> ReadingOptions {
        ReadingOptions(base: try base.map(BaseOutline.init(opening:)), dropped: Set(dropped))
    }

    /// What writing needs, given the folder or file of the base model.
    func writing(base: String?, replacing: Bool) throws -> WritingOptions {
        WritingOptions(
            base: try base.map(BaseOutline.init(opening:)), dropped: Set(dropped), replacing: replacing)
    }
}

/// The base model on disk, which some layouts need.
struct BaseFolderArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The base model, where a layout needs its module list (kohya) or its configuration (gguf): its folder, the "
                + "folder of its pipeline, or its .safetensors file.", valueName: "dir"))
    var base: String?
}

extension AdapterPart: ExpressibleByArgument {}
