public import Adapters
public import Tensors

/// Adapters in another element type.
public enum Convert {
    /// The types that an adapter can be converted to.
    public static let dtypes: [DType] = [.f32, .bf16, .f16, .f8e4m3, .q8]

    /// The adapter with its factors in another type, and what that costs in ΔW.
    ///
    /// - To `f32`, `f16` and `bf16` every floating-point tensor is rounded, but for those whose meaning is not known.
    /// - To `f8_e4m3` and `q8` A and B are rounded. Their trained values are too small for these types, so A and B are
    ///   multiplied by powers of two, which alpha takes back, exactly. The bias of an update
    ///   shares its scaling; it is multiplied likewise and becomes `f32`. All else stays as it is.
    ///
    /// Tensors of that type and integers stay bit for bit. Tensors are computed when they are read; for `f8_e4m3` and
    /// `q8` all factors are also read at once, piece by piece, to find the powers.
    ///
    /// - Parameter label: what messages call the adapter.
    /// - Throws: ``ArithmeticError`` with code `invalidOption`, `nonFinite` or `overflow`, and what reading the adapter
    ///   throws.
    public static func convert(_ adapter: Adapter, to dtype: DType, label: String = "the adapter") throws
        -> ComputedAdapter
    {
        guard dtypes.contains(dtype) else {
            throw ArithmeticError(
                .invalidOption,
                "Unable to convert '\(label)' to \(dtype): use --dtype \(dtypes.dropLast().map(\.description).joined(separator: ", ")) "
                    + "or \(dtypes[dtypes.count - 1]).")
        }
        let updates = adapter.updates
        let exponents = try ScalingExponents.choose(for: updates, dtype: dtype, label: label)
        let plans = try zip(updates, exponents).map { element, exponents in
            ConversionPlan(
                name: element.name, label: label, update: element.update, dtype: dtype, exponents: exponents,
                layout: try SliceLayout(element.update, module: element.name))
        }
        let engine = ComputationEngine(plans: plans)
        var next = 0
        let modules = try adapter.modules.map { module in
            var plan: ConversionPlan?
            var update: LowRankUpdate?
            if module.update != nil {
                plan = plans[next]
                update = try plans[next].update(from: engine, index: next)
                next += 1
            }
            let parameters = module.parameters.map { parameter in
                ModuleParameter(
                    role: parameter.role, name: parameter.name,
                    tensor: converted(parameter, of: module.name, to: dtype, exponent: plan?.exponents.sum ?? 0))
            }
            return try AdaptedModule(name: module.name, update: update, parameters: parameters)
        }
        return ComputedAdapter(
            adapter: try Adapter(
                base: adapter.base, modules: modules, behaviour: adapter.behaviour, notes: adapter.notes),
            engine: engine)
    }

    private static func converted(_ parameter: ModuleParameter, of module: String, to dtype: DType, exponent: Int)
        -> Tensor
    {
        let tensor = parameter.tensor
        let rounded: Tensor
        if parameter.role == .updateBias, exponent != 0 {
            rounded = tensor.rounded(to: .f32, scaledBy: exponent)
        } else if [.f32, .f16, .bf16].contains(dtype), parameter.role != .opaque, tensor.dtype.isFloatingPoint,
            tensor.dtype != dtype
        {
            rounded = tensor.rounded(to: dtype)
        } else {
            return tensor
        }
        return Tensor(
            dtype: rounded.dtype, shape: rounded.shape,
            source: ConvertedParameter(tensor: rounded, module: module, name: parameter.name))
    }
}

/// A rounded tensor whose errors say which it is.
private struct ConvertedParameter: TensorSource {
    let tensor: Tensor
    let module: String
    let name: String

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        do {
            return try tensor.bytes(in: range)
        } catch let error as TensorError where error.code == .overflow {
            throw ArithmeticError(
                .overflow,
                "Unable to convert the tensor '\(name)' of the module '\(module)': a value exceeds the range of "
                    + "\(tensor.dtype). Use --dtype bf16 or f32.", module: module)
        }
    }
}
