internal import AdapterArithmetic
internal import ByteCoding
internal import Charts

/// A comparison of several adapters as text and as a document.
struct ComparisonDescription {
    let comparison: AdapterComparison

    var document: MetadataValue {
        let conflict = comparison.signConflict
        return [
            "labels": .array(comparison.labels.map { .string($0) }),
            "norms": .array(comparison.norms.map { MetadataValue($0) }), "cosines": matrix(comparison.cosines),
            "signConflict": [
                "rate": MetadataValue(conflict.rate), "standardError": MetadataValue(conflict.standardError),
            ],
            "pairs": .array(
                comparison.pairs.map { pair in
                    [
                        "first": MetadataValue(pair.first), "second": MetadataValue(pair.second),
                        "moduleCount": MetadataValue(pair.moduleCount), "cosine": MetadataValue(pair.cosine),
                        "columnOverlap": MetadataValue(pair.columnOverlap),
                        "columnOverlapByChance": MetadataValue(pair.columnOverlapByChance),
                        "rowOverlap": MetadataValue(pair.rowOverlap),
                        "rowOverlapByChance": MetadataValue(pair.rowOverlapByChance),
                        "signConflict": [
                            "rate": MetadataValue(pair.signConflictRate),
                            "standardError": MetadataValue(pair.signConflictError),
                        ],
                    ]
                }), "modules": .array(comparison.modules.map(module)),
        ]
    }

    private func matrix(_ rows: [[Double]]) -> MetadataValue {
        .array(rows.map { .array($0.map { MetadataValue($0) }) })
    }

    private func module(_ module: ModuleComparison) -> MetadataValue {
        [
            "name": .string(module.name), "adapters": .array(module.adapters.map { MetadataValue($0) }),
            "cosines": matrix(module.cosines), "signConflict": module.signConflict.map(signs) ?? .null,
            "pairs": .array(
                module.pairs.map { pair in
                    [
                        "first": MetadataValue(pair.first), "second": MetadataValue(pair.second),
                        "columnSpaces": relation(pair.columnSpaces), "rowSpaces": relation(pair.rowSpaces),
                        "signConflict": signs(pair.signConflict),
                    ]
                }),
        ]
    }

    private func relation(_ relation: SubspaceRelation) -> MetadataValue {
        [
            "angles": .array(relation.angles.map { MetadataValue($0) }),
            "dimensions": .array(relation.dimensions.map { MetadataValue($0) }),
            "overlap": MetadataValue(relation.overlap), "overlapByChance": MetadataValue(relation.overlapByChance),
        ]
    }

    private func signs(_ conflict: SignConflict) -> MetadataValue {
        [
            "rate": MetadataValue(conflict.rate), "standardError": MetadataValue(conflict.standardError),
            "conflictCount": MetadataValue(conflict.conflictCount),
            "comparedCount": MetadataValue(conflict.comparedCount),
            "examinedCount": MetadataValue(conflict.examinedCount),
            "elementCount": MetadataValue(conflict.elementCount), "isSample": MetadataValue(conflict.isSample),
        ]
    }

    var text: String {
        var pairs = TextTable(
            [
                "PAIR", "MODULES", "COSINE", "OUTPUTS OVERLAP", "BY CHANCE", "INPUTS OVERLAP", "BY CHANCE",
                "SIGN CONFLICTS",
            ],
            rightAligned: [1, 2, 3, 4, 5, 6, 7], dispensable: [6, 4, 1])
        for pair in comparison.pairs {
            pairs.add([
                "\(pair.first + 1), \(pair.second + 1)", "\(pair.moduleCount)", Format.decimal(pair.cosine, places: 4),
                Format.decimal(pair.columnOverlap, places: 4), Format.decimal(pair.columnOverlapByChance, places: 4),
                Format.decimal(pair.rowOverlap, places: 4), Format.decimal(pair.rowOverlapByChance, places: 4),
                percent(pair.signConflictRate, pair.signConflictError),
            ])
        }
        var modules = TextTable(
            ["MODULE", "ADAPTERS", "COSINE", "OUTPUTS OVERLAP", "INPUTS OVERLAP", "SIGN CONFLICTS"],
            rightAligned: [2, 3, 4, 5], dispensable: [1, 4])
        let order = comparison.modules.map { (position: ModulePosition(of: $0.name), module: $0) }
        for (_, module) in order.sorted(by: { $0.position < $1.position }) {
            let cosines = module.pairs.map { module.cosines[$0.first][$0.second] }
            modules.add([
                module.name, module.adapters.map { "\($0 + 1)" }.joined(separator: ", "), range(cosines),
                range(module.pairs.map(\.columnSpaces.overlap)), range(module.pairs.map(\.rowSpaces.overlap)),
                module.signConflict.map { percent($0.rate, $0.standardError) } ?? "–",
            ])
        }
        var text = pairs.text
        if comparison.labels.count > 2 {
            let conflict = comparison.signConflict
            text +=
                "Signs conflict in \(percent(conflict.rate, conflict.standardError)) of the elements of all together.\n"
        }
        return text + "\n" + modules.text
    }

    private func percent(_ rate: Double, _ error: Double) -> String {
        Numeral.percent(rate) + (error > 0 ? " ± \(Format.decimal(100 * error, places: 1))" : "")
    }

    private func range(_ values: [Double]) -> String {
        guard let least = values.min(), let largest = values.max() else { return "–" }
        return Format.range(least...largest) { Format.decimal($0, places: 3) }
    }
}
