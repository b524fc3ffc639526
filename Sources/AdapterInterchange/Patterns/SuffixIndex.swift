/// Values under dotted names, found by every name that ends with them: PEFT's rule for lists of targets.
///
/// A look-up costs one hash per component of the name, however many values there are. Names are compared by their
/// code points, as Python does: strings of Swift are equal, too, where Unicode orders the same marks differently.
struct SuffixIndex<Value: Sendable>: Sendable {
    private var values: [[UInt8]: [Value]] = [:]

    /// Adds a value; several may stand under one suffix.
    mutating func insert(_ value: Value, under suffix: String) {
        values[Array(suffix.utf8), default: []].append(value)
    }

    /// The values whose suffix is the name itself or follows one of its dots; longest suffix first.
    func values(for name: String) -> [Value] {
        guard !values.isEmpty else { return [] }
        var rest = Array(name.utf8)[...]
        var found = values[Array(rest)] ?? []
        while let dot = rest.firstIndex(of: UInt8(ascii: ".")) {
            rest = rest[(dot + 1)...]
            found += values[Array(rest)] ?? []
        }
        return found
    }
}
