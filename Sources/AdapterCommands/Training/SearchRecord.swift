internal import AdapterArithmetic
internal import AdapterTraining
internal import Adapters
internal import ByteCoding

/// How the weights of a merge were found, as its provenance keeps it: what decided them, under the names that training
/// runs use, and what they gave.
struct SearchRecord {
    /// What it is called beside the options of the merge.
    static let name = "search"

    let document: [String: MetadataValue]

    /// - Parameters:
    ///   - settings: what decided the losses: digests of model and data, and how rows become tokens.
    ///   - dataset: what weights were judged by.
    init(
        settings: [String: MetadataValue], _ dataset: Dataset, _ search: WeightSearch, best: WeightSearch.Evaluation
    ) {
        document = [
            "settings": .map(settings), "data": ["validation": DataSummary(dataset).document],
            "start": .array(search.start.map(MetadataValue.double)),
            "range": [.double(search.range.lowerBound), .double(search.range.upperBound)],
            "budget": MetadataValue(search.budget), "evaluationCount": MetadataValue(search.evaluations.count),
            "bestValidationLoss": .double(best.loss),
        ]
    }

    /// Nil where weights were given, not found.
    init?(_ provenance: Provenance?) {
        guard let document = provenance?.options[SearchRecord.name]?.map else { return nil }
        self.document = document
    }

    /// The model and the data, which are known by their digests alone.
    var parents: [Provenance.Parent] {
        Provenance.Parent.outside([("base", "base"), ("validation", "val_data")], of: document["settings"]?.map ?? [:])
    }

    /// `16 of at most 16 sets of weights tried, loss 4.0321; 120 rows, 15.2 k tokens, 15.2 k learned`.
    var text: String {
        let count = document["evaluationCount"]?.integer ?? 0
        let loss = document["bestValidationLoss"]?.number.map { ", loss \(Format.decimal($0, places: 4))" } ?? ""
        let data = DataSummary(document: document["data"]?["validation"]).map { "; \($0.text)" } ?? ""
        return "\(count) of at most \(document["budget"]?.integer ?? count) sets of weights tried\(loss)\(data)"
    }
}
