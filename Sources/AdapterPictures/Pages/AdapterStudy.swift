internal import AdapterArithmetic
internal import AdapterFormat
public import AdapterRegistry
internal import Adapters
internal import Charts
internal import Integrity

/// What is computed from the values of one adapter or of several, which takes seconds for large ones.
///
/// It follows from the adapters' files alone, so it may be kept for as long as somebody likes.
public struct AdapterStudy: Sendable {
    /// What is known of a study.
    public enum State: Sendable {
        /// It is done.
        case done(AdapterStudy)
        /// It is under way.
        case pending
        /// It will not be done, and why: a sentence for the reader.
        case refused(String)
    }

    let spectra: AdapterSpectra?
    let comparison: AdapterComparison?
    let difference: AdapterDifference?
    /// Why something of it is missing.
    let remark: String?

    /// The most adapters that are compared.
    public static let subjectLimit = 8
    /// The largest factors that are looked at, in bytes.
    private static let tensorLimit = 2 << 30
    /// The most multiplications, a minute or so.
    private static let workLimit = 1e12

    /// Why adapters are not studied here; nil when they are.
    ///
    /// Judged by what their files say of themselves, before any value is read.
    static func refusal(_ adapters: [Adapter]) -> String? {
        let byteCount = adapters.reduce(0) { $0 + $1.tensorByteCount }
        // As the ranks of several add up in each module, so does the work.
        let work = adapters.reduce(0.0) { sum, adapter in
            adapter.updates.reduce(sum) { sum, entry in
                let rank = Double(entry.update.rank) * Double(adapters.count)
                let extents = entry.update.weightExtents.reduce(0.0) { $0 + Double($1) }
                return sum + 4 * extents * rank * rank + 20 * rank * rank * rank
            }
        }
        guard byteCount > tensorLimit || work > workLimit else { return nil }
        return "Too large to be studied here, \(Numeral.bytes(byteCount)) in all. Pull it and use adapterctl."
    }

    /// Studies what some stored adapters do: one alone, several beside each other.
    ///
    /// - Throws: what opening and reading throws, and `ArithmeticError` with code `nonFinite`, `overflow` or
    ///   `limitExceeded`.
    public init(of stored: [StoredAdapter], in registry: Registry) throws {
        let inputs = try stored.enumerated().map { index, one in
            MergeInput(
                adapter: try registry.open(one).adapter, label: "\(AdapterStudy.letter(index)) \(one.reference.label)",
                contentRoot: one.contentRoot)
        }
        guard inputs.count > 1 else {
            spectra = try inputs.first.map { try AdapterSpectra(of: $0) } ?? AdapterSpectra(modules: [])
            (comparison, difference, remark) = (nil, nil, nil)
            return
        }
        spectra = nil
        difference = inputs.count == 2 ? try AdapterDifference(inputs[0], inputs[1]) : nil
        do {
            comparison = try AdapterComparison(of: inputs, allowsDifferentBase: true)
            remark = nil
        } catch let error as ArithmeticError where error.code == .shapeMismatch {
            comparison = nil
            remark = "They adapt weights of different shapes, so that they have no angles to each other."
        }
    }

    /// Why a study failed, for the reader: what only the operator needs to know stays in the log.
    public static func explanation(_ error: any Error) -> String? {
        (error as? ArithmeticError)?.message
    }

    /// About how much memory it takes.
    public var byteCount: Int {
        let values = spectra?.modules.reduce(0) { $0 + 64 + $1.values.count } ?? 0
        let adapters = comparison?.labels.count ?? 0
        let compared = (comparison?.modules.count ?? 0) * (32 + 24 * adapters * adapters)
        let distances = (difference?.modules.count ?? 0) * 64
        return 4096 + 8 * (values + compared + distances)
    }

    /// A picture of it; nil when it has none of that kind.
    func chart(_ picture: StudyPicture) -> (any Chart)? {
        switch picture {
        case .norms: return spectra.map { SpectrumPictures($0).norms }
        case .effectiveRanks: return spectra.map { SpectrumPictures($0).effectiveRanks }
        case .values: return spectra.map { SpectrumPictures($0).values }
        case .cosines:
            let pictures = comparison.map { ComparisonPictures($0) }
            return pictures.flatMap { $0.moduleCosines ?? $0.cosines }
        case .overlaps: return comparison.map { ComparisonPictures($0).overlaps }
        case .signs: return comparison.map { ComparisonPictures($0).signConflicts }
        case .distances: return difference.map { HeatMap($0) }
        }
    }

    /// A picture of it as a document of its own; nil when it has none of that kind.
    public func svg(_ picture: StudyPicture) -> String? { chart(picture)?.svg() }

    /// What an adapter is called among several.
    static func letter(_ index: Int) -> String { String(UnicodeScalar(UInt8(65 + min(index, 25)))) }
}

extension Reference {
    /// The reference for people: a digest is cut.
    var label: String { digest.map { "\(repository)@\($0.abbreviated)" } ?? description }
}
