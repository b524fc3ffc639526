internal import AdapterFormat
internal import Adapters
internal import ByteCoding
internal import Integrity
internal import Tensors

/// An adapter in words: what `push`, `show` and `merge` print of it.
struct AdapterDescription {
    let adapter: Adapter

    var ranks: String { Format.range(span(adapter.ranks), { String($0) }) }
    var alphas: String { Format.range(span(adapter.alphas), Format.number) }
    var dtypes: String { adapter.dtypes.map(\.description).joined(separator: ", ") }

    /// One line: `14 modules · rank 4…8 · alpha 8 · 12.3 k parameters · f32`.
    var summary: String {
        let count = adapter.modules.count
        return [
            "\(count) module\(count == 1 ? "" : "s")", "rank \(ranks)", "alpha \(alphas)",
            "\(Format.count(adapter.parameterCount)) parameters", dtypes,
        ].joined(separator: " · ")
    }

    /// The fields every document about an adapter has.
    var document: [String: MetadataValue] {
        [
            "base": adapter.base.document,
            "ranks": .array(adapter.ranks.map { MetadataValue($0) }),
            "alphas": .array(adapter.alphas.map { MetadataValue($0) }),
            "dtypes": .array(adapter.dtypes.map { .string($0.description) }),
            "targetModules": .array(adapter.targetModules.map { .string($0) }),
            "moduleCount": MetadataValue(adapter.modules.count),
            "parameterCount": MetadataValue(adapter.parameterCount),
            "tensorByteCount": MetadataValue(adapter.tensorByteCount),
        ]
    }

    private func span<Value: Comparable>(_ values: [Value]) -> ClosedRange<Value>? {
        values.min().flatMap { least in values.max().map { least...$0 } }
    }

    /// One entry a module, with its tensors.
    var modules: MetadataValue {
        .array(
            adapter.modules.map { module in
                var entries: [String: MetadataValue] = [
                    "name": .string(module.name),
                    "tensors": .array(
                        module.tensors.map { tensor in
                            [
                                "role": .string("\(tensor.role)"), "name": .string(tensor.name),
                                "dtype": .string(tensor.tensor.dtype.description),
                                "shape": .array(tensor.tensor.shape.extents.map { MetadataValue($0) }),
                            ]
                        }),
                ]
                if let update = module.update {
                    entries["kind"] = .string("\(update.kind)")
                    entries["rank"] = MetadataValue(update.rank)
                    entries["alpha"] = MetadataValue(update.alpha)
                    entries["scaling"] = MetadataValue(update.scaling)
                    entries["scalingRule"] = .string("\(update.scalingRule)")
                }
                return .map(entries)
            })
    }

    /// A table with a line a module.
    var moduleTable: String {
        var table = TextTable(
            ["MODULE", "KIND", "RANK", "ALPHA", "SCALING", "TENSORS"], rightAligned: [2, 3, 4], dispensable: [1, 3])
        for module in adapter.modules {
            let tensors = module.tensors.map { tensor in
                "\(tensor.name.isEmpty ? "\(tensor.role)".uppercased() : tensor.name) \(tensor.tensor.shape) \(tensor.tensor.dtype)"
            }
            table.add([
                module.name.isEmpty ? "(none)" : module.name, module.update.map { "\($0.kind)" } ?? "–",
                module.update.map { "\($0.rank)" } ?? "–", module.update.map { Format.number($0.alpha) } ?? "–",
                module.update.map { Format.scientific($0.scaling) } ?? "–", tensors.joined(separator: ", "),
            ])
        }
        return table.text
    }
}

extension BaseModel {
    /// The base model as a document.
    var document: MetadataValue {
        [
            "name": MetadataValue(name), "revision": MetadataValue(revision),
            "digest": MetadataValue(digest?.description),
        ]
    }
}

/// The error certificate of a computed adapter, as text and as a document.
struct CertificateDescription {
    let certificate: ErrorCertificate

    var table: String {
        var table = TextTable(
            ["MODULE", "RANK", "‖ΔW‖", "TRUNCATED", "TRUNC. REL.", "NEXT σ", "ROUNDED", "ROUND. REL."],
            rightAligned: [1, 2, 3, 4, 5, 6, 7], dispensable: [5, 6, 3, 1])
        for module in certificate.modules {
            table.add([
                module.name, "\(module.rank)", Format.scientific(module.deltaNorm),
                Format.scientific(module.truncationError), Format.scientific(module.relativeTruncationError),
                Format.scientific(module.largestDroppedSingularValue), Format.scientific(module.roundingError),
                Format.scientific(module.relativeRoundingError),
            ])
        }
        table.add([
            "total", "", Format.scientific(certificate.deltaNorm), Format.scientific(certificate.truncationError),
            Format.scientific(certificate.relativeTruncationError),
            Format.scientific(certificate.largestDroppedSingularValue), Format.scientific(certificate.roundingError),
            Format.scientific(certificate.relativeRoundingError),
        ])
        return table.text
    }

    var document: MetadataValue {
        [
            "deltaNorm": MetadataValue(certificate.deltaNorm),
            "truncationError": MetadataValue(certificate.truncationError),
            "relativeTruncationError": MetadataValue(certificate.relativeTruncationError),
            "largestDroppedSingularValue": MetadataValue(certificate.largestDroppedSingularValue),
            "roundingError": MetadataValue(certificate.roundingError),
            "relativeRoundingError": MetadataValue(certificate.relativeRoundingError),
            "modules": .array(
                certificate.modules.map { module in
                    [
                        "name": .string(module.name), "rank": MetadataValue(module.rank),
                        "deltaNorm": MetadataValue(module.deltaNorm),
                        "truncationError": MetadataValue(module.truncationError),
                        "relativeTruncationError": MetadataValue(module.relativeTruncationError),
                        "largestDroppedSingularValue": MetadataValue(module.largestDroppedSingularValue),
                        "roundingError": MetadataValue(module.roundingError),
                        "relativeRoundingError": MetadataValue(module.relativeRoundingError),
                    ]
                }),
        ]
    }
}
