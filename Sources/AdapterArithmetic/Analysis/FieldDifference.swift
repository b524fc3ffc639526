public import ByteCoding

/// A value that two documents do not share.
public struct FieldDifference: Hashable, Sendable {
    /// The path to the value, such as `base.revision`.
    public let path: String
    /// The value in the first document; nil when it has none.
    public let first: MetadataValue?
    /// The value in the second.
    public let second: MetadataValue?

    /// What two documents do not share, ascending by path. Maps are compared entry by entry, everything else as a whole.
    public static func between(_ first: MetadataValue, _ second: MetadataValue) -> [FieldDifference] {
        differences(first, second, path: "")
    }

    private static func differences(
        _ first: MetadataValue?, _ second: MetadataValue?, path: String
    ) -> [FieldDifference] {
        // A field without a value and no field say the same.
        let (first, second) = (first?.isNull == true ? nil : first, second?.isNull == true ? nil : second)
        if first == second { return [] }
        let (one, two) = (first?.map, second?.map)
        // A map that only one side has is told entry by entry too; depth is bounded by the parsers.
        guard one != nil || two != nil, first == nil || one != nil, second == nil || two != nil else {
            return [FieldDifference(path: path, first: first, second: second)]
        }
        let keys = Set(one?.keys.map { $0 } ?? []).union(two?.keys.map { $0 } ?? []).sorted { $0.precedesInUTF8($1) }
        return keys.flatMap { key in
            differences(one?[key], two?[key], path: path.isEmpty ? key : path + "." + key)
        }
    }
}
