import ByteCoding

/// Finds the tensors of a base model that belong to the modules an adapter names.
///
/// An adapter names modules as the model class did under which it was trained. The same weights may lie under a prefix
/// more (`model.layers…` for `layers…`) or less (`h.0…` for `transformer.h.0…`), as transformers allows too.
struct WeightNames {
    private let base: BaseWeights
    /// The first components of the base model's names.
    private let prefixes: [String]

    init(_ base: BaseWeights) {
        self.base = base
        let all = Array(base.tensors.keys) + Array(base.others.keys)
        prefixes = Set(all.compactMap { $0.split(separator: ".").first.map(String.init) }).sorted {
            $0.precedesInUTF8($1)
        }
    }

    /// The base model's name of a parameter of a module, nil when it has none.
    ///
    /// - Throws: ``ArithmeticError`` with code `missingTarget` when several could be meant.
    func name(_ parameter: String, of module: String) throws -> String? {
        let wanted = module.isEmpty ? parameter : "\(module).\(parameter)"
        if base.contains(wanted) { return wanted }
        let components = wanted.split(separator: ".")
        var found = prefixes.map { "\($0).\(wanted)" }.filter(base.contains)
        let shorter = components.dropFirst().joined(separator: ".")
        if components.count > 2, base.contains(shorter) { found.append(shorter) }
        guard found.count < 2 else {
            throw ArithmeticError(
                .missingTarget,
                "Unable to fuse the module '\(module)': \(base.label) has no '\(wanted)' but "
                    + "\(found.map { "'\($0)'" }.joined(separator: " and ")). Rename the tensors of the base model.",
                module: module)
        }
        return found.first
    }

    /// The error of a module that has no weight.
    func missing(_ parameter: String, of module: String, label: String) -> ArithmeticError {
        let ending = "." + module.split(separator: ".").suffix(2).joined(separator: ".") + "." + parameter
        let all = Array(base.tensors.keys) + Array(base.others.keys)
        let similar = all.filter { $0.hasSuffix(ending) }.min { $0.precedesInUTF8($1) }
        return ArithmeticError(
            .missingTarget,
            "Unable to fuse '\(label)': \(base.label) has no tensor '\(module).\(parameter)'"
                + (similar.map { " (it has '\($0)')" } ?? "") + ". Use the base model that the adapter was trained on.",
            module: module)
    }

    /// The module's name in the base model: PEFT hides a wrapped layer under `base_layer`.
    static func module(_ name: String) -> String {
        let components = name.split(separator: ".", omittingEmptySubsequences: false)
        return components.enumerated().filter { $0.offset == 0 || $0.element != "base_layer" }.map {
            String($0.element)
        }
        .joined(separator: ".")
    }
}
