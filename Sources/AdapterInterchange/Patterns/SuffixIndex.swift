/// Values under dotted names, found by every name that ends with them: PEFT's rule for lists of targets.
///
/// A look-up costs one hash per component of the name, however many values there are.
struct SuffixIndex<Value: Sendable>: Sendable {
    private var values: [String: [Value]] = [:]

    /// Adds a value; several may stand under one suffix.
    mutating func insert(_ value: Value, under suffix: String) {
        values[suffix, default: []].append(value)
    }

    /// The values whose suffix is the name itself or follows one of its dots; longest suffix first.
    func values(for name: String) -> [Value] {
        guard !values.isEmpty else { return [] }
        var found = values[name] ?? []
        var rest = Substring(name)
        while let dot = rest.utf8.firstIndex(of: UInt8(ascii: ".")) {
            rest = rest[rest.utf8.index(after: dot)...]
            found += values[String(rest)] ?? []
        }
        return found
    }
}
