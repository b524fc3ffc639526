/// How the sum of low-rank updates becomes one low-rank update.
public enum MergeMethod: String, Sendable, Hashable, CaseIterable {
    /// Stack the factors: exact, and the ranks add up.
    case cat
    /// The best approximation of a given rank, from a singular value decomposition (Eckart and Young, 1936).
    case exact
}
