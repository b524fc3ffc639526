internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterPictures
internal import Adapters
internal import ByteCoding
internal import Charts
internal import Integrity

/// How two adapters differ, as text, as a document and in a picture.
struct DifferenceDescription {
    /// What the comparison comes to.
    enum Verdict: String {
        /// The same identity: every value has the same bits.
        case identical
        /// The same effect, within the tolerance.
        case equal
        /// Another effect.
        case different
    }

    let first: LoadedAdapter
    let second: LoadedAdapter
    let fields: [FieldDifference]
    let difference: AdapterDifference
    let tolerance: Double

    var verdict: Verdict {
        if let root = first.file?.contentRoot, root == second.file?.contentRoot { return .identical }
        let isEqual =
            first.adapter.base.isCompatible(with: second.adapter.base)
            && first.adapter.behaviour == second.adapter.behaviour
            && difference.largestRelativeDistance <= tolerance
        return isEqual ? .equal : .different
    }

    /// The modules that do something else, or are described otherwise.
    var changedModules: [ModuleDifference] {
        difference.modules.filter { module in
            module.largestRelativeDistance > tolerance || !module.fields.isEmpty
                || module.isInFirst != module.isInSecond
        }
    }

    var chart: HeatMap { HeatMap(difference) }

    var document: MetadataValue {
        [
            "first": side(first), "second": side(second), "verdict": .string(verdict.rawValue),
            "tolerance": MetadataValue(tolerance), "fields": .array(fields.map(field)),
            "update": distance(difference.update),
            "largestRelativeDistance": MetadataValue(difference.largestRelativeDistance),
            "modules": .array(
                difference.modules.map { module in
                    [
                        "name": .string(module.name), "isInFirst": .bool(module.isInFirst),
                        "isInSecond": .bool(module.isInSecond), "fields": .array(module.fields.map(field)),
                        "update": module.update.map(distance) ?? .null,
                        "parameters": .array(
                            module.parameters.map { parameter in
                                [
                                    "role": .string("\(parameter.role)"), "name": .string(parameter.name),
                                    "distance": distance(parameter.distance),
                                ]
                            }),
                    ]
                }),
        ]
    }

    private func side(_ side: LoadedAdapter) -> MetadataValue {
        [
            "label": .string(side.label), "digest": MetadataValue(side.digest?.description),
            "contentRoot": MetadataValue(side.file?.contentRoot.description),
        ]
    }

    private func field(_ field: FieldDifference) -> MetadataValue {
        ["path": .string(field.path), "first": field.first ?? .null, "second": field.second ?? .null]
    }

    private func distance(_ distance: ModuleDifference.Distance) -> MetadataValue {
        [
            "first": MetadataValue(distance.first), "second": MetadataValue(distance.second),
            "difference": distance.difference.map { MetadataValue($0) } ?? .null,
            "relative": MetadataValue(distance.relative),
        ]
    }

    var text: String {
        let update = difference.update
        var lines = [
            "A  \(Format.printable(first.label))", "B  \(Format.printable(second.label))",
            sentence,
            "ΔW  ‖A‖ \(Format.scientific(update.first)) · ‖B‖ \(Format.scientific(update.second)) · ‖A − B‖ "
                + "\(update.difference.map(Format.scientific) ?? "–") · relative \(Format.scientific(update.relative))",
            "",
        ]
        if !fields.isEmpty { lines.append(fieldTable(fields)) }
        let changed = changedModules
        if !changed.isEmpty { lines.append(moduleTable(changed)) }
        let same = difference.modules.count - changed.count
        if same > 0 { lines.append("\(same) module\(same == 1 ? " is" : "s are") the same in both.") }
        return lines.joined(separator: "\n")
    }

    private var sentence: String {
        switch verdict {
        case .identical: Style.good.applied(to: "The same adapter, bit for bit.")
        case .equal:
            Style.good.applied(to: "The same effect" + (tolerance > 0 ? " within \(tolerance) of each norm." : "."))
        case .different: Style.notable.applied(to: "Not the same effect.")
        }
    }

    private func fieldTable(_ fields: [FieldDifference]) -> String {
        var table = TextTable(["FIELD", "A", "B"])
        for field in fields {
            table.add([field.path, DifferenceDescription.text(field.first), DifferenceDescription.text(field.second)])
        }
        return table.text
    }

    private func moduleTable(_ modules: [ModuleDifference]) -> String {
        var table = TextTable(
            ["MODULE", "IN", "‖A‖", "‖B‖", "‖A − B‖", "RELATIVE", "OTHERWISE"], rightAligned: [2, 3, 4, 5],
            dispensable: [1, 2, 3])
        let order = modules.map { (position: ModulePosition(of: $0.name), module: $0) }
        for (_, module) in order.sorted(by: { $0.position < $1.position }) {
            let presence = module.isInFirst ? module.isInSecond ? "both" : "A" : "B"
            let fields = module.fields.filter { $0.path != "scaling" }.map {
                "\($0.path) \(DifferenceDescription.text($0.first)) → \(DifferenceDescription.text($0.second))"
            }
            if let update = module.update {
                table.add(
                    [module.name, presence] + cells(update) + [fields.joined(separator: ", ")])
            }
            for parameter in module.parameters where parameter.distance.relative > tolerance || module.update == nil {
                let name = [module.name, parameter.name.isEmpty ? "\(parameter.role)" : parameter.name]
                table.add(
                    [name.filter { !$0.isEmpty }.joined(separator: "."), presence] + cells(parameter.distance)
                        + ["\(parameter.role)"])
            }
        }
        return table.text
    }

    private func cells(_ distance: ModuleDifference.Distance) -> [String] {
        [
            Format.scientific(distance.first), Format.scientific(distance.second),
            distance.difference.map(Format.scientific) ?? "–",
            distance.relative.isFinite ? Format.scientific(distance.relative) : "–",
        ]
    }

    private static func text(_ value: MetadataValue?) -> String {
        switch value {
        case nil, .null: "–"
        case .string(let text): Format.shortened(text)
        case .double(let number): Format.number(number)
        case .some(let value): Format.shortened(JSON.text(value))
        }
    }
}
