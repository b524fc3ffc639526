package import Adapters
internal import ByteCoding
internal import Tensors

/// Adapters that lie on a base model with weights and stay as they are.
package enum AdapterStack {
    /// The linear layers of a model with their places, in the order in which they are computed.
    package static func linears<Element>(_ weights: TransformerWeights<Element>) -> [(
        place: UpdateSpecification.Place, linear: TransformerWeights<Element>.Linear
    )] {
        weights.layers.enumerated().flatMap { layer, content in
            content.linears.enumerated().map { (UpdateSpecification.Place(layer: layer, linear: $0), $1) }
        }
    }

    /// The sum of weighted adapters as one update a layer: the A below each other, the B, scaled, side by side.
    ///
    /// - Throws: ``TrainingError`` with code `adapterMismatch` when an adapter changes what is no linear layer of the
    ///   model, has another shape, or more than A and B; `outOfMemory`.
    package static func updates(
        _ adapters: [(adapter: Adapter, weight: Double, label: String)], on weights: TransformerWeights<Float>
    ) throws -> LowRankUpdates<Float> {
        let linears = linears(weights)
        let places = Dictionary(linears.map { ($0.linear.name, $0) }, uniquingKeysWith: { first, _ in first })
        var terms: [UpdateSpecification.Place: [(update: LowRankUpdate, weight: Double)]] = [:]
        var magnitudes: [UpdateSpecification.Place: Tensor] = [:]
        for (adapter, weight, label) in adapters {
            for module in adapter.modules where !module.tensors.isEmpty {
                guard let (place, linear) = places[module.name] else {
                    throw mismatch(label, module.name, "is no linear layer of the model")
                }
                let hasOthers = module.parameters.contains { $0.role != .magnitude }
                guard let update = module.update, !hasOthers, update.kind == .linear else {
                    throw mismatch(
                        label, module.name, "has more than A and B of a linear layer, which is not supported")
                }
                if let magnitude = module.parameter(.magnitude)?.tensor {
                    guard magnitude.shape.elementCount == linear.weight.rows else {
                        throw mismatch(label, module.name, "has \(magnitude.shape.elementCount) magnitudes")
                    }
                    magnitudes[place] = magnitude
                }
                // Directions that are scaled row by row have no weighted sum.
                guard magnitudes[place] == nil || (weight == 1 && terms[place] == nil) else {
                    throw mismatch(
                        label, module.name, "has magnitudes (DoRA), so it must have weight 1 and the layer for itself")
                }
                guard update.a.shape[1] == linear.weight.columns, update.b.shape[0] == linear.weight.rows else {
                    throw mismatch(
                        label, module.name,
                        "changes a layer of \(update.b.shape[0]) × \(update.a.shape[1]), the model's has "
                            + "\(linear.weight.rows) × \(linear.weight.columns)")
                }
                terms[place, default: []].append((update, weight))
            }
        }
        let specifications = linears.compactMap { place, linear in
            terms[place].map { terms in
                let rank = terms.reduce(0) { $0 + $1.update.rank }
                var specification = UpdateSpecification(
                    place: place, name: linear.name, inputCount: linear.weight.columns,
                    outputCount: linear.weight.rows, rank: rank, alpha: Double(rank))
                specification.hasMagnitude = magnitudes[place] != nil
                return specification
            }
        }
        let updates = try LowRankUpdates<Float>(specifications, isTrained: false)
        for (number, update) in updates.updates.enumerated() {
            if let magnitude = magnitudes[update.specification.place] {
                updates.magnitude(number)?.values.assign(try magnitude.doubles().map { Float($0) })
            }
            var row = 0
            for (term, weight) in terms[update.specification.place] ?? [] {
                let rows = row..<row + term.rank
                updates.a(update).rows(rows).assign(try term.a.doubles().map { Float($0) })
                updates.b(update).columns(rows).assign(try term.b.doubles().map { Float($0 * term.scaling * weight) })
                row = rows.upperBound
            }
        }
        return updates
    }

    /// Throws unless trained updates can lie beside frozen ones: directions that are scaled row by row have no sum with
    /// others, so a layer with magnitudes has one update.
    ///
    /// - Throws: ``TrainingError`` with code `adapterMismatch`.
    static func require(_ frozen: LowRankUpdates<Float>, besides trained: [UpdateSpecification]) throws {
        let places = Dictionary(
            frozen.updates.map { ($0.specification.place, $0.specification) }, uniquingKeysWith: { first, _ in first })
        for specification in trained {
            guard let other = places[specification.place], other.hasMagnitude || specification.hasMagnitude else {
                continue
            }
            throw TrainingError(
                .adapterMismatch,
                "Unable to train '\(specification.name)' on another adapter: "
                    + (other.hasMagnitude ? "that one has" : "it would have")
                    + " magnitudes (DoRA), and then a layer takes one update. Train without DoRA on adapters without, or "
                    + "leave the layer out of --target-modules.")
        }
    }

    private static func mismatch(_ label: String, _ module: String, _ reason: String) -> TrainingError {
        TrainingError(
            .adapterMismatch, "Unable to put '\(label)' on the model: its module '\(module)' \(reason).".printable())
    }
}
