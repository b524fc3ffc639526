internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterPictures
internal import Adapters
internal import ByteCoding
internal import Charts
internal import Integrity

/// What `inspect` found, as text, as a document and in pictures.
struct Inspection {
    let subjects: [LoadedAdapter]
    let weights: [Double]
    let spectra: [AdapterSpectra]
    let comparison: AdapterComparison?
    let energies: [EnergyProfile]

    var title: String { subjects.map(\.label).joined(separator: ", ") }

    var charts: [any Chart] {
        var charts: [any Chart] = []
        if let comparison {
            charts += ComparisonPictures(comparison).all
        } else if let spectra = spectra.first {
            let pictures = SpectrumPictures(spectra)
            charts += [pictures.norms, pictures.effectiveRanks, pictures.values]
        }
        return charts + [LineChart(energies)]
    }

    var document: MetadataValue {
        [
            "adapters": .array(
                zip(subjects, zip(weights, spectra)).map { subject, found in
                    var document = SpectraDescription(spectra: found.1).document
                    document["label"] = .string(subject.label)
                    document["digest"] = MetadataValue(subject.digest?.description)
                    document["contentRoot"] = MetadataValue(subject.file?.contentRoot.description)
                    document["weight"] = MetadataValue(found.0)
                    return .map(document)
                }),
            "comparison": comparison.map { ComparisonDescription(comparison: $0).document } ?? .null,
            "energy": .array(
                energies.map { profile in
                    [
                        "method": .string(profile.method.rawValue),
                        "ranks": .array(profile.ranks.map { MetadataValue($0) }),
                        "kept": .array(profile.kept.map { MetadataValue($0) }),
                        "modules": .array(
                            profile.modules.map { module in
                                [
                                    "name": .string(module.name), "norm": MetadataValue(module.norm),
                                    "kept": .array(module.kept.map { MetadataValue($0) }),
                                ]
                            }),
                    ]
                }),
        ]
    }

    var text: String {
        var parts: [String] = []
        if let comparison {
            parts.append(adapterTable)
            parts.append(ComparisonDescription(comparison: comparison).text)
        } else if let spectra = spectra.first {
            parts.append(Format.printable(title) + "\n" + SpectraDescription(spectra: spectra).text)
        }
        parts.append(energyTable)
        for subject in subjects where subject.adapter.modules.contains(where: { !$0.parameters.isEmpty }) {
            let roles = Set(subject.adapter.modules.flatMap { $0.parameters.map { "\($0.role)" } }).sorted()
            parts.append(
                "\(Format.printable(subject.label)) also has \(roles.joined(separator: ", ")) tensors, which are no part of "
                    + "ΔW.\n")
        }
        return parts.joined(separator: "\n")
    }

    private var adapterTable: String {
        var table = TextTable(
            ["", "ADAPTER", "MODULES", "‖ΔW‖", "‖ΔW‖₂", "STABLE RANK", "EFFECTIVE RANK"],
            rightAligned: [2, 3, 4, 5, 6], dispensable: [4, 2])
        for (index, (subject, spectra)) in zip(subjects, spectra).enumerated() {
            let total = spectra.total
            table.add([
                "\(index + 1)", subject.label, "\(total.moduleCount)", Format.scientific(total.frobeniusNorm),
                Format.scientific(total.spectralNorm), Format.decimal(total.meanStableRank, places: 2),
                Format.decimal(total.meanEffectiveRank, places: 2),
            ])
        }
        return table.text
    }

    private var energyTable: String {
        guard let first = energies.first else { return "" }
        let columns = Set(1...energies.count)
        var table = TextTable(["RANK"] + energies.map(\.method.rawValue), rightAligned: columns.union([0]))
        for (index, rank) in first.ranks.enumerated() {
            table.add(["\(rank)"] + energies.map { Numeral.percent($0.kept[index]) })
        }
        return "Part of ‖ΔW‖² that each rank keeps\(subjects.count > 1 ? " of the merge" : "")\n" + table.text
    }
}
