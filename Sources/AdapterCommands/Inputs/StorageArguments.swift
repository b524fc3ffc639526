public import AdapterArithmetic
public import ArgumentParser
public import Tensors

/// Options of every command that computes an adapter from others: how the result is stored and what it may be made of.
struct StorageArguments: ParsableArguments {
    @Option(help: "The storage type, f32, f16 or bf16; default: the inputs' own, or f32 when they differ.")
    var dtype: DType?

    @Option(
        help: ArgumentHelp(
            "What becomes of trained values that are not deltas (biases, fully trained modules, token rows): refuse, first, "
                + "average or drop."))
    var absolute: AbsolutePolicy = .refuse

    @Flag(help: "Combine adapters of different base models.")
    var allowDifferentBase = false
}

/// The rank of a result: a number, or `auto` for the smallest that loses nothing.
enum RankChoice: ExpressibleByArgument, Equatable {
    case auto
    case fixed(Int)

    init?(argument: String) {
        if argument == "auto" {
            self = .auto
        } else {
            guard let rank = Int(argument) else { return nil }
            self = .fixed(rank)
        }
    }

    var number: Int? {
        guard case .fixed(let rank) = self else { return nil }
        return rank
    }
}

/// Options that choose the rank of a result.
struct RankArguments: ParsableArguments {
    @Option(
        help: """
            The rank of every module of the result, or auto: per module, the smallest that loses nothing (not for methods \
            on elements, whose results have full rank).
            """)
    var rank: RankChoice?

    @Option(
        help: "Per module, the smallest rank that keeps this part of ‖ΔW‖², 0 to 1; with --rank at most that rank.")
    var energy: Double?

    var isChosen: Bool { rank != nil || energy != nil }

    /// Sets the options' rank.
    func apply(to options: inout MergeOptions) {
        options.rank = rank?.number
        options.energy = energy
        options.reducesRank = rank == .auto && options.method != .exact
    }
}

extension MergeOptions {
    /// Turns an option that does not fit into wrong usage.
    func checkUsage() throws {
        do {
            try check()
        } catch let error as ArithmeticError {
            throw ValidationError(error.message)
        }
    }
}

extension AbsolutePolicy: ExpressibleByArgument {}
extension DType: ExpressibleByArgument {
    /// A storage type by its name.
    public init?(argument: String) { self.init(name: argument) }
}
