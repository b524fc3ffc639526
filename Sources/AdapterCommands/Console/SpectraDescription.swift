internal import AdapterArithmetic
internal import Adapters
internal import ByteCoding

/// The spectra of one adapter as text and as a document.
struct SpectraDescription {
    let spectra: AdapterSpectra

    var document: [String: MetadataValue] {
        [
            "total": .map(group(spectra.total)),
            "byLayer": .array(
                spectra.layers.map { layer, total in
                    var entries = group(total)
                    entries["layer"] = layer.map { MetadataValue($0) } ?? .null
                    return .map(entries)
                }),
            "byKind": .array(
                spectra.kinds.map { kind, total in
                    var entries = group(total)
                    entries["kind"] = .string(kind)
                    return .map(entries)
                }),
            "modules": .array(
                spectra.modules.map { module in
                    let position = module.position
                    return [
                        "name": .string(module.name), "layer": position.layer.map { MetadataValue($0) } ?? .null,
                        "kind": .string(position.kind), "weight": .string("\(module.kind)"),
                        "rows": MetadataValue(module.rows), "columns": MetadataValue(module.columns),
                        "blockCount": MetadataValue(module.blockCount), "rank": MetadataValue(module.rank),
                        "frobeniusNorm": MetadataValue(module.frobeniusNorm),
                        "spectralNorm": MetadataValue(module.spectralNorm),
                        "numericalRank": MetadataValue(module.numericalRank),
                        "stableRank": MetadataValue(module.stableRank),
                        "effectiveRank": MetadataValue(module.effectiveRank),
                        "rank90": MetadataValue(module.rank(keeping: 0.9)),
                        "rank99": MetadataValue(module.rank(keeping: 0.99)),
                        "singularValues": .array(module.values.map { MetadataValue($0) }),
                    ]
                }),
        ]
    }

    var text: String {
        var modules = TextTable(
            ["MODULE", "ΔW", "RANK", "‖ΔW‖", "‖ΔW‖₂", "STABLE", "EFFECTIVE", "90 %", "99 %"],
            rightAligned: [2, 3, 4, 5, 6, 7, 8], dispensable: [1, 4, 8, 5])
        for module in spectra.modules.sorted(by: { $0.position < $1.position }) {
            modules.add([
                module.name, shape(module), "\(module.rank)", Format.scientific(module.frobeniusNorm),
                Format.scientific(module.spectralNorm), Format.decimal(module.stableRank, places: 2),
                Format.decimal(module.effectiveRank, places: 2), "\(module.rank(keeping: 0.9))",
                "\(module.rank(keeping: 0.99))",
            ])
        }
        var kinds = SpectraDescription.groupTable("KIND")
        for (kind, total) in spectra.kinds { kinds.add([kind] + cells(total)) }
        var layers = SpectraDescription.groupTable("LAYER")
        for (layer, total) in spectra.layers { layers.add([layer.map(String.init) ?? "none"] + cells(total)) }
        layers.add(["total"] + cells(spectra.total))
        return modules.text + "\n" + kinds.text + "\n" + layers.text
    }

    private func shape(_ module: ModuleSpectrum) -> String {
        (module.blockCount > 1 ? "\(module.blockCount) × " : "") + "\(module.rows) × \(module.columns)"
    }

    private static func groupTable(_ heading: String) -> TextTable {
        TextTable(
            [heading, "MODULES", "‖ΔW‖", "‖ΔW‖₂", "MEAN STABLE", "MEAN EFFECTIVE"], rightAligned: [1, 2, 3, 4, 5],
            dispensable: [3, 4])
    }

    private func cells(_ group: AdapterSpectra.Group) -> [String] {
        [
            "\(group.moduleCount)", Format.scientific(group.frobeniusNorm), Format.scientific(group.spectralNorm),
            Format.decimal(group.meanStableRank, places: 2), Format.decimal(group.meanEffectiveRank, places: 2),
        ]
    }

    private func group(_ group: AdapterSpectra.Group) -> [String: MetadataValue] {
        [
            "moduleCount": MetadataValue(group.moduleCount), "frobeniusNorm": MetadataValue(group.frobeniusNorm),
            "spectralNorm": MetadataValue(group.spectralNorm), "meanStableRank": MetadataValue(group.meanStableRank),
            "meanEffectiveRank": MetadataValue(group.meanEffectiveRank),
        ]
    }
}
