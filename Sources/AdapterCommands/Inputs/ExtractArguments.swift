public import AdapterArithmetic
internal import AdapterInterchange
internal import AdapterTraining
public import ArgumentParser
internal import ByteCoding
internal import Tensors

/// What `extract` is told besides its models and its result.
struct ExtractArguments: ParsableArguments {
    @Option(help: "The largest rank of a module; also beside --energy or --error.")
    var rank: Int?

    @Option(help: "Per module, a rank that keeps this part of ‖ΔW‖², above 0, at most 1.")
    var energy: Double?

    @Option(help: "Per module, and so over all, a rank with at most this ‖ΔW − B·A‖ / ‖ΔW‖, 0 to 1.")
    var error: Double?

    @Option(
        help: ArgumentHelp(
            "The linear layers that get an update: all-linear, names separated by commas, or a regular expression for the "
                + "whole path. Other changed layers are left out.", valueName: "modules"))
    var targetModules = "all-linear"

    @Option(
        help: ArgumentHelp(
            "What else is kept, whole: all that changed, vectors (norms and biases) or none.", valueName: "policy"))
    var full: FullPolicy = .changed

    @Option(help: "The seed of the random sketches.")
    var seed: UInt64 = 0

    @Option(help: "The storage type, f32, f16 or bf16; default: the tuned weights' own, or f32 when they differ.")
    var dtype: DType?

    func validate() throws {
        do {
            try options.check()
        } catch let error as ArithmeticError {
            throw ValidationError(error.message)
        }
    }

    var options: ExtractOptions {
        ExtractOptions(rank: rank, energy: energy, error: error, full: full, seed: seed, dtype: dtype)
    }

    /// Whether a layer gets an update; nil for every linear layer but the output.
    ///
    /// - Throws: `InputError` when nothing in the model has such a name; `InterchangeError` for a malformed expression.
    func targets(in model: ModelFolder) throws -> (@Sendable (String) throws -> Bool)? {
        let matches: @Sendable (String) throws -> Bool
        let wanted: [String]
        switch TargetSelection(parsing: targetModules) {
        case .allLinear: return nil
        case .names(let names):
            wanted = names
            matches = { path in names.contains { path == $0 || path.hasSuffix(".\($0)") } }
        case .pattern(let text):
            wanted = [text]
            let pattern = try ModuleNamePattern("^(?:\(text))$")
            matches = { try pattern.matches($0) }
        }
        let paths = model.entries.filter { $0.shape.count == 2 && $0.name.hasSuffix(".weight") }
            .map { String($0.name.dropLast(".weight".count)) }
        for name in wanted {
            let isFound =
                wanted.count == 1
                ? try paths.contains(where: matches) : paths.contains { $0 == name || $0.hasSuffix(".\(name)") }
            guard isFound else { throw InputError.unmatchedTarget(name, example: paths.first ?? "") }
        }
        return matches
    }
}

extension FullPolicy: ExpressibleByArgument {}
