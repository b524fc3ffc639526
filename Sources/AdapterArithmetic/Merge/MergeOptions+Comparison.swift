extension MergeOptions {
    /// What the certificate of a merge compares the result with, in words.
    public var exactResult: String {
        switch method.definition(self) {
        case .sum, .factors: "the exact sum"
        case .combination: "the exact combination"
        case .elements: "\(method.rawValue) in full rank"
        case .core: method == .compressThenMerge ? "the exact sum" : "\(method.rawValue) in full rank"
        }
    }
}
