import ByteCoding
import Integrity

/// In which order the inputs of a module are computed with; sums round differently in another one.
public enum InputOrder: String, Sendable, Hashable, CaseIterable {
    /// Ascending by content root, then by weight: the same bits in whatever order the inputs are given. As they are given
    /// where a content root is not known.
    case contentRoot = "content-root"
    /// As they are given.
    case given
}

extension MergeOptions {
    /// The order that counts: PEFT's own methods are defined by the order in which adapters are given.
    var inputOrder: InputOrder { method.isPEFT ? .given : order }
}

extension InputOrder {
    /// What takes part in a module, in this order.
    func sorted<Element>(
        _ elements: [Element], in module: String, by input: (Element) -> MergeInput
    ) -> [Element] {
        let keyed = elements.compactMap { element in
            let input = input(element)
            return input.contentRoot.map { (key: ($0, input.weight(in: module)), element: element) }
        }
        guard self == .contentRoot, keyed.count == elements.count else { return elements }
        return keyed.sorted { $0.key < $1.key }.map(\.element)
    }
}

extension [MergeInput] {
    /// The inputs ascending by content root, weight and factors; as they are where a content root is not known.
    var inOrderOfContent: [MergeInput] {
        guard allSatisfy({ $0.contentRoot != nil }) else { return self }
        let keyed = compactMap { input in input.contentRoot.map { (key: ($0, input.weight), input: input) } }
        return keyed.sorted {
            $0.key == $1.key ? $0.input.factorsPrecede($1.input) : $0.key < $1.key
        }.map(\.input)
    }
}

extension MergeInput {
    private var orderedFactors: [(String, Double)] {
        factors.sorted { $0.key.precedesInUTF8($1.key) }.map { ($0.key, $0.value) }
    }

    fileprivate func factorsPrecede(_ other: MergeInput) -> Bool {
        orderedFactors.lexicographicallyPrecedes(other.orderedFactors) {
            $0.0 == $1.0 ? $0.1 < $1.1 : $0.0.precedesInUTF8($1.0)
        }
    }
}
