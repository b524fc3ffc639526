internal import AdapterTraining
internal import ByteCoding

/// What became of the rows of a data set, as a run keeps it.
struct DataSummary {
    let document: MetadataValue

    init(_ dataset: Dataset) {
        document = [
            "rows": MetadataValue(dataset.examples.count), "tokens": MetadataValue(dataset.tokenCount),
            "learnedTokens": MetadataValue(dataset.learnedCount),
            "truncated": MetadataValue(dataset.losses.truncatedCount),
            "tooLong": MetadataValue(dataset.losses.tooLongCount),
            "unlearned": MetadataValue(dataset.losses.unlearnedCount),
        ]
    }

    /// Nil where a run says nothing of its data.
    init?(document: MetadataValue?) {
        guard let document, document.map != nil else { return nil }
        self.document = document
    }

    private func count(_ key: String) -> Int { document[key]?.integer ?? 0 }

    /// The rows that were left out.
    var droppedCount: Int { count("tooLong") + count("unlearned") }

    /// `120 rows, 15.2 k tokens; 3 rows left out, 1 cut`.
    var text: String {
        let lost = [(droppedCount, "left out"), (count("truncated"), "cut")].filter { $0.0 > 0 }
            .map { "\($0.0) \($0.1)" }
        return "\(count("rows")) rows, \(Format.count(count("tokens"))) tokens, "
            + "\(Format.count(count("learnedTokens"))) learned"
            + (lost.isEmpty ? "" : "; " + lost.joined(separator: ", "))
    }
}
