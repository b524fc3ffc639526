import AdapterTraining
import ByteCoding
import Testing

/// What configurations of transformers 4 and 5 say, and what is refused.
@Suite struct ShapeTests {
    private static let llama: [String: MetadataValue] = [
        "model_type": "llama", "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 256, "vocab_size": 1000, "rms_norm_eps": 1e-5,
        "max_position_embeddings": 131_072, "hidden_act": "silu",
    ]

    private func shape(_ change: [String: MetadataValue]) throws -> TransformerShape {
        try TransformerShape(configuration: .map(Self.llama.merging(change) { _, new in new }))
    }

    /// transformers 5.23's `ROPE_INIT_FUNCTIONS` for heads of 32 columns, in binary32.
    private static let linear: [Double] = [
        0.25, 0.14058533310890198, 0.07905694097280502, 0.04445698484778404, 0.02500000037252903, 0.014058532193303108,
        0.007905694656074047, 0.004445698577910662, 0.0024999999441206455, 0.0014058533124625683, 0.0007905694656074047,
        0.00044456985779106617, 0.0002500000118743628, 0.00014058532542549074, 7.905694656074047e-05,
        4.4456985051510856e-05,
    ]
    private static let llama3: [Double] = [
        1.0, 0.44036662578582764, 0.193922758102417, 0.08539710193872452, 0.03760603070259094, 0.016560440883040428,
        0.00729266507551074, 0.0032114461064338684, 0.000429556705057621, 1.9461638657958247e-05,
        8.570255886297673e-06, 3.7740544485131977e-06, 1.6619674170215148e-06, 7.318749339901842e-07,
        3.2229328894572973e-07, 1.4192720243499934e-07,
    ]

    private static let scalings: [(expected: [Double], base: MetadataValue, scaling: [String: MetadataValue])] = [
        (linear, .double(10_000), ["rope_type": "linear", "factor": .double(4)]),
        (
            llama3, .double(500_000),
            [
                "rope_type": "llama3", "factor": .double(32), "low_freq_factor": .double(1),
                "high_freq_factor": .double(4), "original_max_position_embeddings": 8192,
            ]
        ),
    ]

    @Test func `angles equal those of transformers, from configurations of version 4 and of version 5`() throws {
        for (expected, base, scaling) in Self.scalings {
            let old = try shape(["rope_theta": base, "rope_scaling": .map(scaling)])
            let new = try shape(["rope_parameters": .map(scaling.merging(["rope_theta": base]) { own, _ in own })])
            #expect(old == new)
            let found = old.rotaryFrequencies
            #expect(found.count == expected.count)
            for (own, theirs) in zip(found, expected) { #expect(abs(own - theirs) <= 1e-5 * theirs) }
        }
        // Version 4 called the type otherwise at first.
        #expect(
            try shape(["rope_scaling": ["type": "linear", "factor": 4]])
                == shape(["rope_scaling": ["rope_type": "linear", "factor": 4]]))
    }

    @Test func `rows are no longer than the window`() throws {
        let mistral: [String: MetadataValue] = ["model_type": "mistral", "sliding_window": 4096]
        #expect(try shape(mistral).contextLength == 4096)
        #expect(try shape(mistral.merging(["sliding_window": .null]) { $1 }).contextLength == 131_072)
        #expect(try shape(["model_type": "qwen2", "sliding_window": 4096]).contextLength == 131_072)
        #expect(
            try shape(["model_type": "qwen2", "sliding_window": 4096, "use_sliding_window": true]).contextLength == 4096
        )
        #expect(throws: TrainingError.self) { _ = try shape(mistral.merging(["sliding_window": 0]) { $1 }) }
    }

    private static let refused: [(change: [String: MetadataValue], code: String, message: String)] = [
        (["model_type": "gemma3"], "unsupportedModel", "architecture 'gemma3'"),
        (["rope_scaling": ["rope_type": "yarn", "factor": 4]], "unsupportedModel", "type 'yarn'"),
        (["hidden_act": "gelu"], "unsupportedModel", "activation 'gelu'"),
        (["partial_rotary_factor": .double(0.5)], "unsupportedModel", "a part of each head"),
        (["quantization_config": ["bits": 4]], "unsupportedModel", "quantised"),
        (["num_key_value_heads": 3], "invalidModel", "4 heads"),
        (["head_dim": 33], "invalidModel", "33 columns"),
        (["rope_scaling": ["rope_type": "linear"]], "invalidModel", "no usable 'factor'"),
    ]

    @Test func `what is not known is refused by name`() {
        for (change, code, message) in Self.refused {
            let error = #expect(throws: TrainingError.self) { _ = try shape(change) }
            #expect(error?.code.description == code)
            #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        }
    }
}
