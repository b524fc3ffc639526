internal import Adapters
internal import Tensors

extension Trainer {
    /// The updates with the given values as an adapter of the unchanged base model.
    ///
    /// Where the beginning is taken off again, both are written as one update of twice the rank.
    func adapter(_ values: [Float]) throws -> Adapter {
        let modules = try updates.updates.map { update in
            let specification = update.specification
            var a = Array(values[update.aRange])
            var b = Array(values[update.bRange])
            var (rank, alpha) = (specification.rank, specification.alpha)
            if let anchors {
                a += anchors.a(update).elements
                let own = b
                let other = anchors.b(update).elements
                b = []
                for start in stride(from: 0, to: own.count, by: rank) {
                    b += own[start..<start + rank]
                    b += other[start..<start + rank]
                }
                rank *= 2
                alpha = specification.scaling / specification.scalingRule.scaling(alpha: 1, rank: rank)
            }
            return try AdaptedModule(
                name: specification.name,
                update: LowRankUpdate(
                    kind: .linear, a: tensor(a, rank, specification.inputCount),
                    b: tensor(b, specification.outputCount, rank), rank: rank, alpha: alpha,
                    scalingRule: specification.scalingRule),
                parameters: magnitudes(Array(values[update.magnitudeRange])))
        }
        return try Adapter(base: base, modules: modules)
    }

    private func magnitudes(_ values: [Float]) throws -> [ModuleParameter] {
        guard !values.isEmpty, let shape = Shape([values.count]) else { return [] }
        let tensor = try Tensor(rounding: values.map { Double($0) }, to: configuration.dtype, shape: shape)
        return [ModuleParameter(role: .magnitude, name: "lora_magnitude_vector", tensor: tensor)]
    }

    private func tensor(_ values: [Float], _ rows: Int, _ columns: Int) throws -> Tensor {
        guard let shape = Shape([rows, columns]) else {
            throw TrainingError(.invalidModel, "Unable to write a matrix of \(rows) × \(columns).")
        }
        return try Tensor(rounding: values.map { Double($0) }, to: configuration.dtype, shape: shape)
    }
}
