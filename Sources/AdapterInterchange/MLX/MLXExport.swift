import Adapters
import ByteCoding
import Tensors

/// An adapter's tensors and configuration as mlx-lm loads them.
///
/// mlx-lm builds every module with one rank and one scale and refuses other shapes: smaller ranks are filled up with
/// zeros, and where scales differ each is multiplied into its `lora_b`.
struct MLXExport {
    /// The tensors by name.
    private(set) var tensors: [(name: String, tensor: Tensor)] = []
    /// The configuration.
    let document: [String: MetadataValue]
    /// What was changed.
    private(set) var remarks: [String] = []
    /// What multiplying the scales cost; nil where it was not done.
    let certificate: (@Sendable () throws -> ErrorCertificate)?

    init(_ adapter: Adapter) throws {
        let updates = adapter.modules.compactMap { module in module.update.map { (module: module, update: $0) } }
        guard let rank = updates.map(\.update.rank).max() else {
            throw InterchangeError(.notExpressible, "it has no low-rank update, and MLX's layout has nothing else")
        }
        let scales = Set(updates.map(\.update.scaling))
        let scale = scales.count == 1 ? scales.first ?? 1 : 1
        let slot = TransposedSource.Slot()
        var folded: [FoldedFactors] = []
        for (module, update) in updates {
            try MLXExport.check(update, module.name)
            let factor = scales.count == 1 ? 1 : update.scaling
            let b = update.b.widened().scaled(by: factor)
            if factor != 1 {
                folded.append(FoldedFactors(name: module.name, update: update, stored: b, factor: factor))
            }
            let isMixture = update.kind == .experts
            guard !isMixture || update.rank == rank else {
                throw InterchangeError(
                    .notExpressible,
                    "the experts '\(module.name)' have the rank \(update.rank) beside \(rank), and MLX has one",
                    remedy: "Resize the adapter to one rank first.", name: module.name)
            }
            let a = update.a.widened()
            tensors.append(
                ("\(module.name).lora_a", isMixture ? a : a.appendingZeroRows(to: rank).transposed(slot)))
            tensors.append(
                ("\(module.name).lora_b", isMixture ? b : b.transposed(slot).appendingZeroRows(to: rank)))
        }
        let magnitudes = adapter.modules.compactMap { module in module.parameter(.magnitude).map { (module.name, $0) } }
        guard magnitudes.isEmpty || magnitudes.count == updates.count else {
            throw InterchangeError(
                .notExpressible, "some modules have a DoRA magnitude and some do not, which MLX cannot mix",
                remedy: "Give the magnitudes up with --drop dora, or use another layout.")
        }
        if let embedding = updates.first(where: { $0.update.kind != .linear }), !magnitudes.isEmpty {
            throw InterchangeError(
                .notExpressible,
                "the module '\(embedding.module.name)' has a DoRA magnitude, which MLX has for linear layers alone",
                remedy: "Give the magnitudes up with --drop dora, or use another layout.", name: embedding.module.name)
        }
        tensors += magnitudes.map { ("\($0).m", $1.tensor.widened()) }
        document = MLXExport.document(
            names: updates.map(\.module.name), rank: rank, scale: scale, usesDoRA: !magnitudes.isEmpty,
            model: adapter.base.name)
        let padded = updates.filter { $0.update.rank < rank }.count
        if padded > 0 { remarks.append("\(padded) modules are filled up with zeros to the rank \(rank)") }
        if !folded.isEmpty {
            remarks.append("the scalings of \(folded.count) modules are multiplied into lora_b")
        }
        certificate = FoldedFactors.certificate(of: folded)
    }

    private static func check(_ update: LowRankUpdate, _ name: String) throws {
        switch update.kind {
        case .linear, .transposedLinear, .embedding: return
        case .experts where name.split(separator: ".").contains("switch_mlp"): return
        case .convolution, .experts:
            throw InterchangeError(
                .notExpressible, "MLX's layout has no form for the \(update.kind) '\(name)'", name: name)
        }
    }

    /// The keys name modules below a layer, and others by their whole name; −1 layers are all.
    private static func document(names: [String], rank: Int, scale: Double, usesDoRA: Bool, model: String?)
        -> [String: MetadataValue]
    {
        let keys = Set(names.map(belowLayer)).sorted { $0.precedesInUTF8($1) }
        return [
            "fine_tune_type": usesDoRA ? "dora" : "lora", "num_layers": -1, "model": MetadataValue(model),
            "lora_parameters": [
                "rank": MetadataValue(rank), "scale": .double(scale), "dropout": 0.0,
                "keys": .array(keys.map(MetadataValue.string)),
            ],
        ]
    }

    /// What follows `layers.N.` in a name; the name itself where there is none.
    private static func belowLayer(_ name: String) -> String {
        let components = name.split(separator: ".", omittingEmptySubsequences: false)
        for (index, component) in components.enumerated()
        where index > 0 && index + 1 < components.count && ["layers", "h", "blocks"].contains(components[index - 1]) {
            guard Int(component) != nil else { continue }
            return components[(index + 1)...].joined(separator: ".")
        }
        return name
    }
}
