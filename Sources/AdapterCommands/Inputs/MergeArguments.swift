public import AdapterArithmetic
public import ArgumentParser
public import Tensors

/// Options of every command that computes an adapter from others.
struct MergeArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "cat: ranks add up, exact. exact: the best approximation of the sum at --rank or --energy; without either, "
                + "the smallest rank that loses nothing."))
    var method: MergeMethod = .cat

    @Option(help: "With exact: the rank of every module of the result.")
    var rank: Int?

    @Option(help: "With exact: per module, the smallest rank that keeps this part of ‖ΔW‖², 0 to 1.")
    var energy: Double?

    @Option(help: "The storage type, f32, f16 or bf16; default: the inputs' own, or f32 when they differ.")
    var dtype: DType?

    @Option(
        help: ArgumentHelp(
            "What becomes of trained values that are not deltas (biases, fully trained modules, token rows): refuse, first, "
                + "average or drop."))
    var absolute: AbsolutePolicy = .refuse

    @Flag(help: "Merge adapters of different base models.")
    var allowDifferentBase = false

    func validate() throws {
        if let rank, rank < 1 { throw ValidationError("--rank must be at least 1.") }
        if let energy, !(energy > 0 && energy <= 1) { throw ValidationError("--energy must be above 0 and at most 1.") }
        if rank != nil, energy != nil { throw ValidationError("--rank and --energy exclude each other.") }
        if method == .cat, rank != nil || energy != nil {
            throw ValidationError("--rank and --energy go with --method exact; cat adds the ranks up.")
        }
    }

    var options: MergeOptions {
        MergeOptions(
            method: method, rank: rank, energy: energy, dtype: dtype, absolute: absolute,
            allowDifferentBase: allowDifferentBase)
    }
}

extension MergeMethod: ExpressibleByArgument {}
extension AbsolutePolicy: ExpressibleByArgument {}
extension DType: ExpressibleByArgument {
    /// A storage type by its name.
    public init?(argument: String) { self.init(name: argument) }
}
