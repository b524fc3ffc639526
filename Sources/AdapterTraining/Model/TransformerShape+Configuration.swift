package import ByteCoding

extension TransformerShape {
    /// The largest size of anything: a bound on what a hostile configuration can ask for.
    private static let maximumSize = 1 << 24

    /// The architecture that a `config.json` of transformers 4 or 5 describes.
    ///
    /// - Throws: ``TrainingError`` with code `unsupportedModel` when it is none of the known ones or uses a feature that
    ///   is not known here, `invalidModel` when a field is missing or outside its range.
    package init(configuration: MetadataValue) throws {
        let fields = ConfigurationFields(configuration)
        let architecture = configuration["model_type"]?.string ?? "?"
        guard ["llama", "mistral", "qwen2", "qwen3"].contains(architecture) else {
            throw TrainingError(
                .unsupportedModel,
                "The model has the architecture '\(architecture)'. Llama, Mistral, Qwen 2 and Qwen 3 can be trained.")
        }
        let heads = try fields.size("num_attention_heads")
        let keyHeads = try fields.size("num_key_value_heads", default: heads)
        let hidden = try fields.size("hidden_size")
        guard heads % keyHeads == 0 else {
            throw TrainingError(
                .invalidModel, "The model has \(heads) heads, which \(keyHeads) key-value heads cannot share evenly.")
        }
        let head = try fields.size("head_dim", default: architecture == "qwen3" ? 128 : hidden / heads)
        guard head % 2 == 0, head > 0 else {
            throw TrainingError(.invalidModel, "The model's heads have \(head) columns, an even number is needed.")
        }
        self.init(
            architecture: architecture, hiddenSize: hidden, layerCount: try fields.size("num_hidden_layers"),
            headCount: heads, keyHeadCount: keyHeads, headSize: head,
            feedForwardSize: try fields.size("intermediate_size"), vocabularySize: try fields.size("vocab_size"),
            normEpsilon: try fields.positive("rms_norm_eps", default: 1e-6), rotaryBase: 10_000, rotaryScaling: .none,
            hasTiedHead: configuration["tie_word_embeddings"]?.bool ?? false, normalizesHeads: architecture == "qwen3",
            contextLength: try fields.size("max_position_embeddings", default: 2048))
        try setRotary(fields)
        try refuseUnknown(configuration)
    }

    private mutating func setRotary(_ fields: ConfigurationFields) throws {
        // Transformers 5 keeps all of it in one object; 4 has the base beside an object for the scaling.
        let document = fields.document
        let rotary = ConfigurationFields(
            [document["rope_parameters"], document["rope_scaling"]].compactMap { $0 }.first { $0.map != nil } ?? [:])
        rotaryBase = try rotary.positive("rope_theta", default: fields.positive("rope_theta", default: 10_000))
        let type = rotary.document["rope_type"]?.string ?? rotary.document["type"]?.string ?? "default"
        switch type {
        case "default": rotaryScaling = .none
        case "linear": rotaryScaling = .linear(factor: try rotary.positive("factor"))
        case "llama3":
            rotaryScaling = .llama3(
                factor: try rotary.positive("factor"), lowFrequencyFactor: try rotary.positive("low_freq_factor"),
                highFrequencyFactor: try rotary.positive("high_freq_factor"),
                originalContext: try rotary.positive(
                    "original_max_position_embeddings", default: Double(contextLength)))
        default:
            throw TrainingError(
                .unsupportedModel,
                "The model's rotary embedding has the type '\(type)'; default, linear and llama3 are supported.")
        }
    }

    private mutating func refuseUnknown(_ document: MetadataValue) throws {
        if let activation = document["hidden_act"]?.string, activation != "silu" {
            throw TrainingError(
                .unsupportedModel, "The model has the activation '\(activation)'; silu is supported.")
        }
        if let factor = document["partial_rotary_factor"]?.number, factor != 1 {
            throw TrainingError(.unsupportedModel, "The model rotates a part of each head, which is not supported.")
        }
        if document["quantization_config"]?.map != nil {
            throw TrainingError(
                .unsupportedModel, "The model's weights are quantised; f32, f16 and bf16 are supported.")
        }
        // Within the window, attention to a sliding window is attention to everything.
        let usesWindow = document["use_sliding_window"]?.bool ?? (architecture == "mistral")
        if usesWindow, let window = document["sliding_window"]?.integer {
            guard window > 0 else { throw TrainingError(.invalidModel, "The model's sliding window is \(window).") }
            contextLength = min(contextLength, window)
        }
    }

    /// Typed access to a configuration.
    private struct ConfigurationFields {
        let document: MetadataValue

        init(_ document: MetadataValue) { self.document = document }

        func size(_ key: String, default fallback: Int? = nil) throws -> Int {
            let value = document[key].flatMap { $0.isNull ? nil : $0 }
            guard let size = value.map(\.integer) ?? fallback, (1...maximumSize).contains(size) else {
                throw TrainingError(
                    .invalidModel,
                    "The model's configuration has no usable '\(key)': a whole number above 0 is expected.")
            }
            return size
        }

        func positive(_ key: String, default fallback: Double? = nil) throws -> Double {
            let value = document[key].flatMap { $0.isNull ? nil : $0 }
            guard let number = value.map(\.number) ?? fallback, number > 0, number.isFinite else {
                throw TrainingError(
                    .invalidModel, "The model's configuration has no usable '\(key)': a number above 0 is expected.")
            }
            return number
        }
    }
}
