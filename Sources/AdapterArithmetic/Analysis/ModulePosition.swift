import ByteCoding

/// Where a module stands in a model: which layer, and which of the modules that layers have.
///
/// Layers are recognised by the first number among the components of the path: `model.layers.3.self_attn.q_proj` is the
/// `model.layers.*.self_attn.q_proj` of layer 3.
public struct ModulePosition: Hashable, Sendable, Comparable {
    /// The layer's number; nil for a module that no layer repeats, such as an output head.
    public let layer: Int?
    /// The path with `*` in the place of the layer's number.
    public let kind: String

    /// The position that a module's name tells.
    public init(of name: String) {
        var components = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        let index = components.firstIndex { component in
            // No model has a billion layers, and the number must fit.
            (1...9).contains(component.utf8.count) && component.utf8.allSatisfy { (0x30...0x39).contains($0) }
        }
        layer = index.flatMap { Int(components[$0]) }
        if let index { components[index] = "*" }
        kind = components.joined(separator: ".")
    }

    /// The order in a model: by layer, what is in no layer last; within a layer by kind.
    public static func < (left: ModulePosition, right: ModulePosition) -> Bool {
        let (layer, other) = (left.layer ?? .max, right.layer ?? .max)
        return layer == other ? left.kind.precedesInUTF8(right.kind) : layer < other
    }

    /// A short name for each kind: the fewest last components that no other kind ends with.
    public static func shortNames(ofKinds kinds: some Sequence<String>) -> [String: String] {
        let paths = Set(kinds).map { ($0, $0.split(separator: ".", omittingEmptySubsequences: false)) }
        var endings: [ArraySlice<Substring>: Int] = [:]
        for (_, path) in paths {
            for count in 1...max(1, path.count) { endings[path.suffix(count), default: 0] += 1 }
        }
        return Dictionary(
            paths.map { kind, path in
                let count = (1...max(1, path.count)).first { endings[path.suffix($0)] == 1 } ?? path.count
                return (kind, path.suffix(count).joined(separator: "."))
            }, uniquingKeysWith: { first, _ in first })
    }
}
