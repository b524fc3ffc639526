internal import AdapterTraining
internal import ByteCoding

/// What a batch holds: the text that is learned from, and the text that is masked.
struct BatchDisplay {
    let tokenizer: Tokenizer
    let examples: [Example]

    /// Neighbouring tokens of one kind.
    private func runs(_ example: Example) -> [(isLearned: Bool, ids: [Int32])] {
        var runs: [(isLearned: Bool, ids: [Int32])] = []
        for (index, id) in example.ids.enumerated() {
            // Nothing predicts the first token.
            let isLearned = index > 0 && example.isLearned[index]
            if runs.last?.isLearned == isLearned {
                runs[runs.count - 1].ids.append(id)
            } else {
                runs.append((isLearned, [id]))
            }
        }
        return runs
    }

    var text: String {
        examples.enumerated().map { number, example in
            let learned = example.isLearned.dropFirst().count { $0 }
            let lines = runs(example).map { run in
                "  \(run.isLearned ? "learned" : "masked ") \(JSON.text(.string(tokenizer.decode(run.ids))))"
            }
            return "row \(number + 1): \(example.ids.count) tokens, \(learned) learned\n"
                + lines.joined(separator: "\n") + "\n"
        }.joined()
    }

    var document: MetadataValue {
        .array(
            examples.map { example in
                [
                    "tokens": .array(example.ids.map { MetadataValue(Int($0)) }),
                    "parts": .array(
                        runs(example).map { run in
                            ["isLearned": .bool(run.isLearned), "text": .string(tokenizer.decode(run.ids))]
                        }),
                ]
            })
    }
}
