extension Transformer {
    /// The part of the model that is the first to give what is not finite when a batch is computed once more, with the
    /// same elements dropped.
    package func firstNonFinitePart(_ batch: TokenBatch) -> String {
        let rows = 0..<batch.ids.count
        func isFinite(_ values: MatrixView<Element>) -> Bool { values.rows(rows).elements.allSatisfy(\.isFinite) }
        embed(batch)
        guard isFinite(buffers.stream[0]) else { return "the embedding" }
        for index in 0..<shape.layerCount {
            let (layer, groups, next) = (buffers.layers[index], groups[index], buffers.stream[index + 1])
            forward(index, batch, from: buffers.stream[index].rows(rows), into: next.rows(rows))
            func first(of group: Int, in output: MatrixView<Element>) -> String? {
                zip(groups[group].linears, groups[group].outputs).first { !isFinite(output.columns($0.1)) }?.0.name
            }
            let attention = isFinite(layer.attended) ? nil : "model.layers.\(index).self_attn"
            let name =
                first(of: 0, in: layer.qkv) ?? attention ?? first(of: 1, in: layer.middle)
                ?? first(of: 2, in: layer.gates) ?? first(of: 3, in: next)
            if let name { return "'\(name)'" }
        }
        return "the head"
    }
}
