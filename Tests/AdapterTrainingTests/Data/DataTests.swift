import AdapterTesting
import AdapterTraining
import ByteCoding
import Foundation
import Testing

/// Rows to examples to batches.
@Suite struct DataTests {
    private static let tokenizer = Result {
        try Tokenizer(opening: TrainingFixtures.tinyModel + "/tokenizer.json")
    }

    private func dataset(
        _ text: String, name: String = "data.jsonl", _ change: (inout DataOptions) -> Void = { _ in }
    ) throws -> Dataset {
        try withTemporaryDirectory { folder in
            let path = folder + "/" + name
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            var options = DataOptions(maximumLength: 64, template: .chatml, endToken: 2)
            change(&options)
            return try ExampleMaker(Self.tokenizer.get(), options).dataset(DataFile(opening: path))
        }
    }

    private func learned(_ example: Example) throws -> String {
        try Self.tokenizer.get().decode(zip(example.ids, example.isLearned).filter(\.1).map(\.0))
    }

    private static let chat =
        #"{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},"#
        + #"{"role":"assistant","content":"Yes."},{"role":"user","content":"So?"},{"role":"assistant","content":"No."}]}"#

    @Test func `each kind of row, masked or not`() throws {
        let rows = [
            #"{"text":"And the king said"}"#, #"{"prompt":"And the king","completion":" said nothing"}"#, Self.chat,
        ].joined(separator: "\n")
        let whole = try dataset(rows)
        #expect(whole.examples.count == 3)
        #expect(whole.examples.allSatisfy { $0.isLearned.allSatisfy(\.self) })
        #expect(try learned(whole.examples[0]) == "And the king said<|im_end|>")
        let masked = try dataset(rows) { $0.masksPrompt = true }
        #expect(try learned(masked.examples[0]) == "And the king said<|im_end|>")
        #expect(try learned(masked.examples[1]) == " said nothing<|im_end|>")
        #expect(try learned(masked.examples[2]) == "Yes.<|im_end|>No.<|im_end|>")
        #expect(masked.examples.map(\.ids) == whole.examples.map(\.ids))
        #expect(!masked.neverLearnsToStop)
    }

    @Test func `the templates are those of the models' cards`() throws {
        let messages: [ChatTemplate.Message] = [
            .init(role: "system", content: "S"), .init(role: "user", content: "U"),
            .init(role: "assistant", content: " A "),
        ]
        func text(_ template: ChatTemplate) -> String { template.rendered(messages) }
        #expect(
            text(.chatml)
                == "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\n A <|im_end|>\n"
        )
        #expect(
            text(.llama3)
                == "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user"
                + "<|end_header_id|>\n\nU<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nA<|eot_id|>")
        #expect(text(.mistral) == "<s>[INST]S\n\nU[/INST] A </s>")
    }

    @Test(arguments: ChatTemplate.allCases)
    func `text, tokens and what is learned are those of transformers`(_ template: ChatTemplate) throws {
        let document = try TrainingFixtures.json(TrainingFixtures.directory + "/templates.json")
        let fixture = try #require(document[template.rawValue])
        try withTemporaryDirectory { folder in
            // The tiny model's tokenizer, which knows ChatML's tokens, and those of the template.
            var file = try TrainingFixtures.json(TrainingFixtures.tinyModel + "/tokenizer.json")
            let added = try #require(fixture["added"]?.array).map { token -> MetadataValue in
                [
                    "id": token["id"] ?? .null, "content": token["content"] ?? .null, "single_word": false,
                    "lstrip": false, "rstrip": false, "normalized": false, "special": true,
                ]
            }
            file = .map(
                try #require(file.map).merging([
                    "added_tokens": .array(try #require(file["added_tokens"]?.array) + added)
                ]) { $1 })
            let path = folder + "/tokenizer.json"
            try JSON.text(file).write(toFile: path, atomically: true, encoding: .utf8)
            let tokenizer = try Tokenizer(opening: path)
            let cases = try #require(fixture["cases"]?.array)
            #expect(cases.count == 5)
            for item in cases {
                let turns = try #require(item["messages"]?.array)
                let messages = try turns.map {
                    ChatTemplate.Message(
                        role: try #require($0["role"]?.string), content: try #require($0["content"]?.string))
                }
                #expect(template.rendered(messages) == item["text"]?.string)
                let row: MetadataValue = ["messages": .array(turns)]
                let data = folder + "/row.jsonl"
                try JSON.text(row).write(toFile: data, atomically: true, encoding: .utf8)
                let options = DataOptions(maximumLength: 512, masksPrompt: true, template: template)
                let examples = try ExampleMaker(tokenizer, options).dataset(DataFile(opening: data)).examples
                #expect(examples.map { $0.ids.map(Int.init) } == [item["ids"]?.array?.compactMap(\.integer)])
                let mask = item["mask"]?.array?.compactMap(\.integer)
                #expect(examples.map { $0.isLearned.map { $0 ? 1 : 0 } } == [mask])
            }
        }
    }

    @Test func `long rows are cut, left out or refused, and counted`() throws {
        let rows = #"{"text":"one two three four five six seven"}"# + "\n" + #"{"text":"one"}"#
        let cut = try dataset(rows) { $0.maximumLength = 5 }
        #expect(cut.examples.map(\.ids.count).max() == 5)
        #expect(cut.losses.truncatedCount == 1)
        let dropped = try dataset(rows) { ($0.maximumLength, $0.truncation) = (5, .drop) }
        #expect(dropped.examples.count == 1)
        #expect(dropped.losses.tooLongCount == 1)
        let error = #expect(throws: TrainingError.self) {
            _ = try dataset(rows) { ($0.maximumLength, $0.truncation) = (5, .refuse) }
        }
        #expect(error?.code == .rowTooLong)
        // A prompt that fills the row leaves nothing to learn.
        let masked = try dataset(Self.chat + "\n" + #"{"text":"one"}"#) {
            ($0.maximumLength, $0.masksPrompt) = (8, true)
        }
        #expect(masked.losses.unlearnedCount == 1)
        #expect(masked.examples.count == 1)
    }

    @Test func `answers cut off before their end are noticed`() throws {
        let cut = try dataset(Self.chat) { ($0.maximumLength, $0.masksPrompt) = (28, true) }
        #expect(cut.neverLearnsToStop)
    }

    @Test func `a long text gives its own tokens, cut into rows`() throws {
        let path = TrainingFixtures.directory + "/bierce_train.txt"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let dataset = try ExampleMaker(Self.tokenizer.get(), DataOptions(maximumLength: 100)).dataset(
            DataFile(opening: path))
        #expect(try dataset.examples.flatMap(\.ids) == Self.tokenizer.get().encode(text))
        #expect(dataset.examples.dropLast().allSatisfy { $0.ids.count == 100 })
    }

    @Test func `a long text is not cut within white space`() throws {
        // A line ends where the first piece does, and no letter follows.
        let text = String(repeating: "word ", count: 13_107) + "\n\n\n  Next line.\nAnd another.\n"
        let dataset = try withTemporaryDirectory { folder in
            try text.write(toFile: folder + "/long.txt", atomically: true, encoding: .utf8)
            return try ExampleMaker(Self.tokenizer.get(), DataOptions(maximumLength: 512)).dataset(
                DataFile(opening: folder + "/long.txt"))
        }
        #expect(try dataset.examples.flatMap(\.ids) == Self.tokenizer.get().encode(text))
    }

    @Test func `a part is split off once and for all`() throws {
        let rows = (0..<50).map { #"{"text":"row number \#($0)"}"# }.joined(separator: "\n")
        let all = try dataset(rows)
        var (first, second) = (all, all)
        let part = try first.splitOff(fraction: 0.1, seed: 3, isStream: false)
        #expect(part.examples.count == 5)
        #expect(try second.splitOff(fraction: 0.1, seed: 3, isStream: false) == part)
        #expect(Set(first.examples + part.examples) == Set(all.examples))
        #expect(first.examples.count == 45)
        var stream = all
        #expect(try stream.splitOff(fraction: 0.1, seed: 3, isStream: true).examples == all.examples.suffix(5))
        var single = try dataset(#"{"text":"alone"}"#)
        #expect(throws: TrainingError.self) { _ = try single.splitOff(fraction: 0.5, seed: 0, isStream: false) }
    }

    @Test(arguments: [nil, 60] as [Int?]) func `every epoch has each example once, in an order of its own`(
        _ packLength: Int?
    ) throws {
        var generator = SeededGenerator(seed: 9)
        let examples = (0..<101).map { _ in
            let count = Int.random(in: 2...60, using: &generator)
            return Example(ids: Array(repeating: 5, count: count), isLearned: Array(repeating: true, count: count))
        }
        let order = BatchOrder(Dataset(examples: examples), batchSize: 4, packLength: packLength, seed: 1)
        let (first, second) = (order.batches(ofEpoch: 0), order.batches(ofEpoch: 1))
        #expect(first.joined().sorted() == Array(0..<101))
        #expect(second.joined().sorted() == Array(0..<101))
        #expect(first != second)
        #expect(first == order.batches(ofEpoch: 0))
        if let packLength {
            #expect(first.allSatisfy { $0.reduce(0) { $0 + examples[$1].ids.count } <= 4 * packLength })
            // Hardly any room is left.
            let tokens = examples.reduce(0) { $0 + $1.ids.count }
            #expect(first.count <= tokens * 12 / 10 / (4 * packLength) + 1)
        } else {
            #expect(first.dropLast().allSatisfy { $0.count == 4 })
        }
        var walking = order
        var position = BatchOrder.Position()
        let walked = (0..<first.count + 2).map { _ in walking.next(&position) }
        #expect(walked == first + second.prefix(2))
        #expect(position == BatchOrder.Position(epoch: 1, batch: 2))
    }
}
