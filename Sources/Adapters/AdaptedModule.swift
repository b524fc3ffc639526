internal import ByteCoding
public import Tensors

/// What a stored tensor of a module is for.
public enum TensorRole: UInt8, Sendable, Hashable, CaseIterable {
    /// The down-projection A of a low-rank update.
    case a = 1
    /// The up-projection B of a low-rank update.
    case b = 2
    /// DoRA's magnitude vector m, absolute: W' = m · (W + ΔW) / ‖W + ΔW‖ (arXiv 2402.09353).
    case magnitude = 3
    /// The bias of the up-projection (`lora_bias`); adds s·bias to the module's output.
    case updateBias = 4
    /// A trained bias of the base module; an absolute value, not a delta.
    case bias = 5
    /// A fully trained parameter that replaces the base model's; an absolute value, not a delta.
    case full = 6
    /// Trained rows of an embedding that replace the base model's rows.
    case tokenRows = 7
    /// A tensor whose meaning is not known here: kept and given back, never computed with.
    case opaque = 8
}

/// A named tensor of a module other than A and B.
public struct ModuleParameter: Sendable {
    /// What it is for; never `a` or `b`.
    public let role: TensorRole
    /// Its name below the module, for example `weight` or `base_layer.bias`; may be empty.
    public let name: String
    /// Its values.
    public let tensor: Tensor

    /// Creates a parameter.
    public init(role: TensorRole, name: String, tensor: Tensor) {
        self.role = role
        self.name = name
        self.tensor = tensor
    }
}

/// What an adapter changes in one module of the base model.
public struct AdaptedModule: Sendable {
    /// The longest name, in bytes of UTF-8.
    public static let maximumNameByteCount = 1024

    /// The module's full path in the base model, for example `model.layers.0.self_attn.q_proj`; empty for tensors that
    /// belong to no module.
    public let name: String
    /// The low-rank update; nil when only parameters are trained.
    public let update: LowRankUpdate?
    /// The other trained tensors, ascending by role and then by the bytes of their names.
    public let parameters: [ModuleParameter]

    /// Creates a module; parameters may come in any order.
    ///
    /// - Throws: ``AdapterError`` with code `invalidName`, `invalidRole` or `duplicateName`.
    public init(name: String, update: LowRankUpdate?, parameters: [ModuleParameter] = []) throws {
        try AdaptedModule.check(name, in: name)
        let sorted = parameters.sorted {
            $0.role != $1.role
                ? $0.role.rawValue < $1.role.rawValue : $0.name.precedesInUTF8($1.name)
        }
        var names: [TensorRole: Set<String>] = [:]
        for parameter in sorted {
            try AdaptedModule.check(parameter.name, in: name)
            guard parameter.role != .a, parameter.role != .b else {
                throw AdapterError(
                    .invalidRole,
                    "The module '\(name)' has the parameter '\(parameter.name)' with the role "
                        + "'\(parameter.role)', which belongs to its update.", module: name)
            }
            guard names[parameter.role, default: []].insert(parameter.name).inserted else {
                throw AdapterError(
                    .duplicateName, "The module '\(name)' has the parameter '\(parameter.name)' twice.", module: name)
            }
        }
        self.name = name
        self.update = update
        self.parameters = sorted
    }

    /// All tensors with their roles in the order in which the file stores them: A, B, then the parameters.
    public var tensors: [(role: TensorRole, name: String, tensor: Tensor)] {
        var all: [(role: TensorRole, name: String, tensor: Tensor)] = []
        if let update {
            all.append((.a, "", update.a))
            all.append((.b, "", update.b))
        }
        for parameter in parameters { all.append((parameter.role, parameter.name, parameter.tensor)) }
        return all
    }

    /// The first parameter with that role.
    public func parameter(_ role: TensorRole) -> ModuleParameter? { parameters.first { $0.role == role } }

    private static func check(_ text: String, in module: String) throws {
        guard text.utf8.count <= maximumNameByteCount else {
            throw AdapterError(
                .invalidName, "A name of \(text.utf8.count) bytes is too long, \(maximumNameByteCount) are possible.",
                module: module)
        }
        guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw AdapterError(.invalidName, "A name holds a control character.", module: module)
        }
    }
}
