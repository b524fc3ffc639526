internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Tensors

extension RecipeOperations {
    /// The operations of this program, a line for each.
    static let all = RecipeOperations(
        [
            Operations.merge, Operations.interpolate, Operations.convert, Operations.scale, Operations.negate,
            Operations.subtract, Operations.resize, Operations.pad,
        ], toolVersion: ToolVersion.current)
}

/// The operations that recipes can use.
enum Operations {
    static let merge = CommandOperation<MergeArguments>(
        name: "merge", weights: { given, _ in given.map { $0 ?? 1 } }, settings: { $0.settings },
        // Results of before there was another order, and PEFT's.
        unrecorded: ["order": .string(InputOrder.given.rawValue)], told: [SearchRecord.name],
        compute: {
            var inputs = $0.map(\.mergeInput)
            try $1.modules.apply(to: &inputs)
            return try Merge.merge(inputs, options: $1.options)
        })

    static let scale = sum("scale") { $0.count == 1 ? [$0[0] ?? 1] : nil }
    static let negate = sum("negate") { $0.count == 1 && [nil, -1].contains($0[0]) ? [-1] : nil }
    static let subtract = sum("subtract") { given in
        let weights = [1.0, -1]
        return given.count == 2 && zip(given, weights).allSatisfy { $0 == nil || $0 == $1 } ? weights : nil
    }

    /// A weighted sum whose weights the operation knows.
    private static func sum(_ name: String, weights: @escaping @Sendable ([Double?]) -> [Double]?)
        -> CommandOperation<SumArguments>
    {
        CommandOperation(
            name: name,
            weights: { given, _ in
                guard let weights = weights(given) else {
                    throw RegistryError(
                        .invalidRecipe,
                        "Unable to compose: '\(name)' takes other inputs or weights. See '\(name) --help'.")
                }
                return weights
            }, settings: { $0.settings },
            compute: { try Merge.merge($0.map(\.mergeInput), options: $1.options) })
    }

    static let interpolate = CommandOperation<InterpolateArguments>(
        name: "interpolate",
        weights: { given, arguments in
            let weights = [1 - arguments.at, arguments.at]
            guard given.count == 2, zip(given, weights).allSatisfy({ $0 == nil || $0 == $1 }) else {
                throw RegistryError(
                    .invalidRecipe,
                    "Unable to compose: 'interpolate' takes two inputs without weights; the option 'at' says where.")
            }
            return weights
        }, settings: { $0.arguments.settings(at: $0.at) },
        compute: {
            try Interpolate.interpolate(
                $0[0].adapter, $0[1].adapter, at: $1.at, along: $1.arguments.method,
                labels: ($0[0].label, $0[1].label), options: $1.arguments.options)
        })

    static let convert = CommandOperation<ConvertArguments>(
        name: "convert", weights: { given, _ in try oneWithoutWeight(given, "convert") },
        settings: { ["dtype": .string($0.dtype.description)] },
        compute: { try Convert.convert($0[0].adapter, to: $1.dtype, label: $0[0].label) })

    static let resize = CommandOperation<ResizeArguments>(
        name: "resize", weights: { given, _ in try oneWithoutWeight(given, "resize") },
        settings: { $0.options.metadata },
        compute: { try Resize.resize($0[0].adapter, $1.options, label: $0[0].label) })

    static let pad = CommandOperation<PadArguments>(
        name: "pad", weights: { given, _ in try oneWithoutWeight(given, "pad") },
        settings: { ["rank": MetadataValue($0.rank)] },
        compute: { try Pad.pad($0[0].adapter, to: $1.rank, label: $0[0].label) })

    private static func oneWithoutWeight(_ given: [Double?], _ operation: String) throws -> [Double?] {
        guard given == [nil] else {
            throw RegistryError(
                .invalidRecipe, "Unable to compose: '\(operation)' takes one input without a weight.")
        }
        return given
    }
}

/// What `interpolate` is told besides its inputs.
struct InterpolateArguments: ParsableArguments {
    @Option(parsing: .unconditional) var at: Double
    @OptionGroup var arguments: PathArguments

    func validate() throws {
        if !at.isFinite { throw ValidationError("--at must be a finite number.") }
    }
}

/// What `convert` is told besides its input.
struct ConvertArguments: ParsableArguments {
    @Option var dtype: DType

    func validate() throws {
        guard Convert.dtypes.contains(dtype) else {
            throw ValidationError("--dtype must be \(Convert.dtypes.map(\.description).joined(separator: ", ")).")
        }
    }
}

extension OperationInput {
    var mergeInput: MergeInput {
        MergeInput(adapter: adapter, weight: weight ?? 1, label: label, contentRoot: contentRoot)
    }
}
