internal import AdapterArithmetic
internal import ArgumentParser
internal import Tensors

/// What `resize` is told besides its input.
struct ResizeArguments: ParsableArguments {
    @Option(help: "The largest rank of a module; also beside one of the other three.")
    var rank: Int?

    @Option(help: "Per module, the smallest rank that keeps this part of ‖ΔW‖², above 0, at most 1.")
    var energy: Double?

    @Option(help: "Over all modules, the fewest parameters with at most this ‖ΔW − ΔW'‖ / ‖ΔW‖, 0 to 1.")
    var error: Double?

    @Option(
        help: ArgumentHelp(
            "Over all modules, the least error that this many parameters in A and B allow (suffixes k, M, G).",
            valueName: "parameters"))
    var budget: ParameterCount?

    @Option(help: "The storage type, f32, f16 or bf16; default: the adapter's own.")
    var dtype: DType?

    func validate() throws {
        do {
            try options.check()
        } catch let error as ArithmeticError {
            throw ValidationError(error.message)
        }
    }

    var options: ResizeOptions {
        ResizeOptions(rank: rank, energy: energy, error: error, budget: budget?.count, dtype: dtype)
    }
}

/// What `pad` is told besides its input.
struct PadArguments: ParsableArguments {
    @Option(help: "The rank of every module; none may have more.")
    var rank: Int
}

/// A number of parameters: `20000000`, `20M` or `1.5M`, in powers of 1000.
struct ParameterCount: ExpressibleByArgument, Equatable {
    let count: Int

    init?(argument: String) {
        let scale: Double? =
            switch argument.last {
            case "k": 1e3
            case "M": 1e6
            case "G": 1e9
            default: nil
            }
        if let scale {
            guard let number = Double(argument.dropLast()), let count = Int(exactly: (number * scale).rounded()) else {
                return nil
            }
            self.count = count
        } else {
            guard let count = Int(argument) else { return nil }
            self.count = count
        }
    }
}
