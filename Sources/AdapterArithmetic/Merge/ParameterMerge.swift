import Adapters
import ByteCoding
import Tensors

/// What becomes of everything in the inputs that is not A or B.
struct ParameterMerge {
    /// One input's part in a module.
    private struct Part {
        let index: Int
        let input: MergeInput
        let module: AdaptedModule
    }

    /// The settings of the result.
    let behaviour: [String: MetadataValue]
    private let inputs: [MergeInput]
    private let options: MergeOptions
    /// Whether the only input stays what it is.
    private let isIdentity: Bool
    /// Each input's modules by name.
    private let modules: [[String: AdaptedModule]]
    /// The input whose trained tokens are taken by ``AbsolutePolicy/first``.
    private let tokenInput: Int?

    /// Decides about settings and refuses what cannot be added.
    ///
    /// - Parameter inputs: at least one, none with weight 0.
    init(inputs: [MergeInput], options: MergeOptions) throws {
        self.inputs = inputs
        self.options = options
        isIdentity = inputs.count == 1 && inputs[0].weight == 1 && inputs[0].factors.values.allSatisfy { $0 == 1 }
        modules = inputs.map { input in
            Dictionary(input.adapter.modules.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        }
        tokenInput = inputs.firstIndex(where: \.trainsTokens)
        if isIdentity {
            behaviour = inputs[0].adapter.behaviour
        } else {
            for input in inputs { try input.requireLinear(verb: options.verb) }
            if options.absolute == .refuse { try ParameterMerge.refuseAbsolute(inputs) }
            behaviour = try BehaviourMerge.settings(inputs, options.absolute)
        }
    }

    /// Throws when the only input holds what cannot survive a change of its factors, and they are to change.
    func checkKept(_ plans: [any UpdatePlan]) throws {
        if isIdentity, !plans.allSatisfy(\.keepsFactors) { try inputs[0].requireLinear(verb: options.verb) }
    }

    /// The parameters of one module of the result.
    func parameters(of name: String, plan: (any UpdatePlan)?) throws -> [ModuleParameter] {
        let parts = zip(inputs, modules).enumerated().compactMap { index, element in
            element.0.weight(in: name) == 0
                ? nil : element.1[name].map { Part(index: index, input: element.0, module: $0) }
        }
        var result: [ModuleParameter] = []
        if let plan { result = try updateBiases(parts, plan) }
        if isIdentity {
            let summed = plan == nil ? [] : [TensorRole.updateBias]
            return result
                + parts[0].module.parameters.filter { !summed.contains($0.role) }.map {
                    finite($0, of: parts[0].input, name)
                }
        }
        guard options.absolute != .drop else { return result }
        try refuseReplacedAndAdapted(parts, name)
        for role in TensorRole.absolute {
            guard let first = parts.first(where: { $0.module.parameter(role) != nil }) else { continue }
            if options.absolute == .average {
                result += try averages(of: role, parts, in: name)
            } else if role != .tokenRows || first.index == tokenInput {
                // The indices of the rows come from one input, so all rows must.
                result += first.module.parameters.filter { $0.role == role }.map { finite($0, of: first.input, name) }
            }
        }
        return result
    }
}

extension ParameterMerge {
    /// A parameter that is taken as it is, unless it holds what no merge may: infinities, and what is not a number.
    private func finite(_ parameter: ModuleParameter, of input: MergeInput, _ module: String) -> ModuleParameter {
        let tensor = parameter.tensor
        let source = FiniteSource(tensor: tensor, label: input.label, module: module, name: parameter.name)
        return ModuleParameter(
            role: parameter.role, name: parameter.name,
            tensor: Tensor(dtype: tensor.dtype, shape: tensor.shape, source: source))
    }

    /// The biases of the up-projections, which are linear in the scaling like B·A.
    private func updateBiases(_ parts: [Part], _ plan: any UpdatePlan) throws -> [ModuleParameter] {
        let having = parts.flatMap { part in
            part.module.parameters.filter { $0.role == .updateBias }.map { (part: part, parameter: $0) }
        }
        if let first = having.first, options.method != .cat, options.method != .exact, !plan.keepsFactors {
            throw ArithmeticError(
                .notLinear,
                "Unable to merge '\(first.part.input.label)': its module '\(plan.module.name)' has the bias of an update, "
                    + "for which \(options.method.rawValue) is not defined. Use --method cat or exact.",
                module: plan.module.name)
        }
        return try Dictionary(grouping: having, by: \.parameter.name).map { name, group in
            if plan.keepsFactors, options.dtype == nil {
                return finite(group[0].parameter, of: group[0].part.input, plan.module.name)
            }
            try requireSameShape(group.map { ($0.part.input.label, $0.parameter) }, plan.module.name)
            let ordered = options.inputOrder.sorted(group, in: plan.module.name) { $0.part.input }
            let terms = ordered.map { part, parameter in
                let scaling = part.module.update?.scaling ?? 0
                return WeightedSum.Term(
                    label: part.input.label, tensor: parameter.tensor,
                    coefficient: plan.keepsScalingOutside ? 1 : part.input.weight(in: plan.module.name) * scaling)
            }
            let sum = WeightedSum(
                terms: terms, divisor: 1, dtype: plan.module.dtype, module: plan.module.name, name: name)
            return ModuleParameter(role: .updateBias, name: name, tensor: sum.tensor)
        }
    }

    /// The weighted means of one role's parameters.
    private func averages(of role: TensorRole, _ parts: [Part], in module: String) throws -> [ModuleParameter] {
        let taking = options.inputOrder.sorted(inputs.filter { $0.weight(in: module) != 0 }, in: module) { $0 }
        let weights = taking.map { $0.weight(in: module) }
        let sum = weights.reduce(0, +)
        // Otherwise the mean would magnify the differences of its inputs a million times.
        guard sum.magnitude > 1e-6 * weights.reduce(0, { $0 + $1.magnitude }), sum.isFinite else {
            throw ArithmeticError(
                .absoluteParameters,
                "Unable to average the parameters of the module '\(module)': the weights add up to \(sum). "
                    + "Use --absolute first or drop.", module: module)
        }
        let names = Set(parts.flatMap { $0.module.parameters.filter { $0.role == role }.map(\.name) })
        return try names.map { name in
            let group = parts.compactMap { part in
                part.module.parameters.first { $0.role == role && $0.name == name }.map { (part.input, $0) }
            }
            guard group.count == taking.count else {
                let missing = inputs.indices.first { index in
                    inputs[index].weight(in: module) != 0
                        && !parts.contains { part in
                            part.index == index
                                && part.module.parameters.contains { $0.role == role && $0.name == name }
                        }
                }
                throw ArithmeticError(
                    .absoluteParameters,
                    "Unable to average '\(name)' of the module '\(module)': "
                        + "'\(missing.map { inputs[$0].label } ?? "")' has none. Use --absolute first or drop.",
                    module: module)
            }
            if group.count == 1 { return finite(group[0].1, of: group[0].0, module) }
            try requireSameShape(group.map { ($0.0.label, $0.1) }, module)
            let terms = options.inputOrder.sorted(group, in: module) { $0.0 }.map { input, parameter in
                WeightedSum.Term(
                    label: input.label, tensor: parameter.tensor, coefficient: input.weight(in: module))
            }
            let mean = WeightedSum(
                terms: terms, divisor: sum, dtype: Set(terms.map(\.tensor.dtype)).writableType, module: module,
                name: name)
            return ModuleParameter(role: role, name: name, tensor: mean.tensor)
        }
    }

    private func requireSameShape(_ group: [(label: String, parameter: ModuleParameter)], _ module: String) throws {
        guard let first = group.first else { return }
        for other in group where other.parameter.tensor.shape != first.parameter.tensor.shape {
            throw ArithmeticError(
                .shapeMismatch,
                "Unable to merge '\(first.parameter.name)' of the module '\(module)': it is "
                    + "\(first.parameter.tensor.shape) in '\(first.label)' and \(other.parameter.tensor.shape) in "
                    + "'\(other.label)'. Merge adapters of one base model.", module: module)
        }
    }

    /// A change to a weight and a replacement of that weight have no sum.
    private func refuseReplacedAndAdapted(_ parts: [Part], _ name: String) throws {
        guard let replacing = parts.first(where: { $0.module.update == nil && $0.module.parameter(.full) != nil }),
            let adapting = parts.first(where: { $0.module.update != nil })
        else { return }
        throw ArithmeticError(
            .absoluteParameters,
            "Unable to merge the module '\(name)': '\(replacing.input.label)' replaces it and "
                + "'\(adapting.input.label)' adapts it. Use --absolute drop to leave the replacement out.", module: name
        )
    }

    private static func refuseAbsolute(_ inputs: [MergeInput]) throws {
        for input in inputs {
            let modules = input.adapter.modules.filter { input.weight(in: $0.name) != 0 }
            let names = modules.flatMap { module in
                module.parameters.filter { TensorRole.absolute.contains($0.role) }
                    .map { parameter in [module.name, parameter.name].filter { !$0.isEmpty }.joined(separator: ".") }
            }
            guard let first = names.first else { continue }
            let listed = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
            throw ArithmeticError(
                .absoluteParameters,
                "Unable to merge '\(input.label)': it holds \(names.count) "
                    + (names.count == 1
                        ? "parameter that is an absolute value and has"
                        : "parameters that are absolute values and have")
                    + " no sum: \(listed). Choose with --absolute first, average or drop.", module: first)
        }
    }
}

extension TensorRole {
    /// The roles whose tensors replace values of the base model.
    static let absolute: [TensorRole] = [.bias, .full, .tokenRows]
}
