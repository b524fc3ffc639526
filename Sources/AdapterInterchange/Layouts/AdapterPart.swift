import Adapters
import ByteCoding

/// What an adapter can hold beside its low-rank updates: what some layouts have no place for.
public enum AdapterPart: String, Sendable, CaseIterable {
    /// DoRA's magnitudes.
    case dora
    /// Biases of the up-projections.
    case loraBias = "lora-bias"
    /// Trained biases of base modules.
    case bias
    /// Fully trained parameters, which replace the base model's.
    case full = "modules-to-save"
    /// Trained rows of embeddings.
    case tokenRows = "token-rows"
    /// Tensors of unknown meaning.
    case opaque = "other"
    /// Settings beside the modules, such as aLoRA's invocation tokens.
    case behaviour

    /// The part that a parameter belongs to; nil for A and B, which are no parameters.
    init?(_ role: TensorRole) {
        switch role {
        case .a, .b: return nil
        case .magnitude: self = .dora
        case .updateBias: self = .loraBias
        case .bias: self = .bias
        case .full: self = .full
        case .tokenRows: self = .tokenRows
        case .opaque: self = .opaque
        }
    }

    /// What it is, for people.
    var title: String {
        switch self {
        case .dora: "a DoRA magnitude"
        case .loraBias: "a bias on lora_B"
        case .bias: "a trained bias"
        case .full: "a fully trained parameter"
        case .tokenRows: "trained token rows"
        case .opaque: "a tensor of unknown meaning"
        case .behaviour: "a setting"
        }
    }
}

extension Adapter {
    /// The adapter without the parts that a layout has no place for and that the caller gives up, and a sentence about
    /// each of these.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when there is a part that nobody gives up.
    func restricted(to layout: ForeignLayout, dropping dropped: Set<AdapterPart>) throws -> (Adapter, remarks: [String])
    {
        var loss = PartLoss(layout: layout, dropped: dropped)
        var kept: [AdaptedModule] = []
        for module in modules {
            var parameters: [ModuleParameter] = []
            for parameter in module.parameters {
                let part = AdapterPart(parameter.role)
                if try part.map({ try loss.gives(up: $0, "\(module.name).\(parameter.name)") }) != true {
                    parameters.append(parameter)
                }
            }
            guard module.update != nil || !parameters.isEmpty else { continue }
            kept.append(
                parameters.count == module.parameters.count
                    ? module : try AdaptedModule(name: module.name, update: module.update, parameters: parameters))
        }
        var settings: [String: MetadataValue] = [:]
        for (key, value) in behaviour where try !loss.gives(up: .behaviour, key) { settings[key] = value }
        guard !loss.counts.isEmpty else { return (self, []) }
        return (try Adapter(base: base, modules: kept, behaviour: settings, notes: notes), loss.remarks)
    }
}

/// What is given up on the way into a layout.
private struct PartLoss {
    private let layout: ForeignLayout
    private let dropped: Set<AdapterPart>
    private let lost: Set<AdapterPart>
    private(set) var counts: [AdapterPart: Int] = [:]

    init(layout: ForeignLayout, dropped: Set<AdapterPart>) {
        self.layout = layout
        self.dropped = dropped
        lost = Set(AdapterPart.allCases).subtracting(layout.carriedParts).union(dropped)
    }

    /// Whether something is left out.
    ///
    /// - Throws: ``InterchangeError`` with code `notExpressible` when it must be and may not.
    mutating func gives(up part: AdapterPart, _ name: String) throws -> Bool {
        guard lost.contains(part) else { return false }
        guard dropped.contains(part) else {
            throw InterchangeError(
                .notExpressible, "\(layout.title) has no place for \(part.title): '\(name)'",
                remedy: "Give it up with --drop \(part.rawValue), or use another layout.", name: name)
        }
        counts[part, default: 0] += 1
        return true
    }

    /// A sentence about each part.
    var remarks: [String] {
        AdapterPart.allCases.compactMap { part in
            counts[part].map { "dropped \(part.rawValue): \($0) of them" }
        }
    }
}
