import AdapterArithmetic
import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// Input and output embeddings that share one tensor.
@Suite struct TiedWeightTests {
    private static let embedding = "model.embed_tokens.weight"
    private static let output = "lm_head.weight"

    private func fuse(_ name: String) throws -> FusedModel {
        try fused([(PEFT.read(folder: Fixtures.peft(name)), 1)], into: FusedFixture.base("tiny-llama-tied"))
    }

    @Test func `A changed input embedding leaves the output layer as it was`() throws {
        let result = try fuse("llama-embedding")
        #expect(result.names.isSuperset(of: [TiedWeightTests.embedding, TiedWeightTests.output]))
        #expect(result.configurationChanges == ["tie_word_embeddings": false])
        let base = try required(
            FusedFixture.base("tiny-llama-tied").tensors[TiedWeightTests.embedding], TiedWeightTests.embedding)
        let output = try required(result.weights.first { $0.name == TiedWeightTests.output }, TiedWeightTests.output)
        #expect(try output.tensor.bytes() == base.bytes())
        #expect(output.sibling == TiedWeightTests.embedding)
        #expect(try result.doubles(TiedWeightTests.embedding) != base.doubles())
    }

    @Test func `A changed output layer leaves the input embedding as it was`() throws {
        let result = try fuse("llama-lm-head")
        #expect(result.names.contains(TiedWeightTests.output) && !result.names.contains(TiedWeightTests.embedding))
        #expect(result.configurationChanges == ["tie_word_embeddings": false])
        let base = try required(
            FusedFixture.base("tiny-llama-tied").tensors[TiedWeightTests.embedding], TiedWeightTests.embedding)
        let adapter = try PEFT.read(folder: Fixtures.peft("llama-lm-head"))
        let update = try required(adapter.updates.first { $0.name == "lm_head" }, "lm_head").update
        let expected = zip(try base.doubles(), try update.dense()).map { $0 + $1 }
        #expect(relativeDistance(try result.doubles(TiedWeightTests.output), expected) < 3e-7)
    }

    @Test(arguments: ["llama-tied-modules-to-save", "llama-trainable-tokens-tied"])
    func `Equal replacements and trained tokens stay tied`(name: String) throws {
        let result = try fuse(name)
        #expect(result.names.contains(TiedWeightTests.embedding) && !result.names.contains(TiedWeightTests.output))
        #expect(result.configurationChanges.isEmpty)
    }

    @Test func `Without tied weights a missing output layer is an error`() throws {
        var base = try FusedFixture.base("tiny-llama-tied")
        base = BaseWeights(
            tensors: base.tensors, configuration: ["tie_word_embeddings": false], label: "the base")
        let adapter = try PEFT.read(folder: Fixtures.peft("llama-lm-head"))
        #expect(code { try fused([(adapter, 1)], into: base) } == .missingTarget)
    }

    @Test func `A grown vocabulary is written into the configuration`() throws {
        let adapter = try PEFT.read(folder: Fixtures.peft("llama-resized-embeddings"))
        let base = try FusedFixture.base("tiny-llama")
        #expect(try fused([(adapter, 1)], into: base).configurationChanges == ["vocab_size": 72])
        #expect(code { try fused([(adapter, 0.5)], into: base) } == .shapeMismatch)
    }
}
