public import Adapters
public import ByteCoding
public import Tensors

/// All that decides a training run beside the model and the data.
public struct TrainingConfiguration: Hashable, Sendable {
    /// Which layers get an update.
    public var targets = TargetSelection.allLinear
    /// The rank r of every update that no pattern names.
    public var rank = 8
    /// α of every update that no pattern names.
    public var alpha = 16.0
    /// Ranks by the patterns of PEFT's `rank_pattern`.
    public var rankPattern: [String: Int] = [:]
    /// α by the patterns of PEFT's `alpha_pattern`.
    public var alphaPattern: [String: Double] = [:]
    /// How α and r make the scaling.
    public var scalingRule = ScalingRule.alphaOverRank
    /// The part of an update's inputs that a step drops.
    public var dropout = 0.0
    /// Whether layers have magnitudes of their own (DoRA).
    public var usesMagnitudes = false
    /// How A and B begin.
    public var initialization = UpdateInitialization.kaiming
    /// How ranks are given to layers.
    public var rankAllocation = RankAllocation.uniform
    /// The element type of the adapters that are written.
    public var dtype = DType.f32

    /// The learning rate after warm-up.
    public var learningRate = 2e-4
    /// How much larger that of B is (LoRA+).
    public var learningRateRatioOfB = 1.0
    /// How it changes.
    public var schedule = LearningRateSchedule(shape: .cosine, warmupSteps: 0)
    /// AdamW's weight decay.
    public var weightDecay = 0.0
    /// AdamW's β₁, β₂.
    public var betas: [Double] = [0.9, 0.999]
    /// The norm to which gradients are clipped; nil for none.
    public var maximumGradientNorm: Double? = 1

    /// The rows, or packs of rows, of a batch.
    public var batchSize = 4
    /// The batches of a step.
    public var accumulation = 1
    /// The number of steps; nil to go over the data ``epochs`` times.
    public var steps: Int?
    /// How often the data is seen when ``steps`` is nil.
    public var epochs = 1.0
    /// The most tokens of a row.
    public var maximumLength = 512
    /// Whether several rows share one of the greatest length.
    public var packs = false
    /// What everything random follows from.
    public var seed: UInt64 = 0

    /// The steps between validations; 0 to validate at the end alone.
    public var validationInterval = 100
    /// The steps between checkpoints; 0 for one at the end alone.
    public var checkpointInterval = 100
    /// The validations without improvement after which a run stops; nil for none.
    public var patience: Int?
    /// The loss above which a run is stopped; nil for none.
    public var lossLimit: Double?
    /// The steps in a row above ``lossLimit`` that stop it.
    public var lossLimitPatience = 3
    /// In which numbers products with the base's weights are computed.
    public var precision = BasePrecision.f32
    /// Which activations are kept.
    public var activations = ActivationPolicy.full

    /// The defaults.
    public init() {}

    /// Whether ranks or beginnings follow from what the model makes of the data.
    var looksAtData: Bool { initialization == .eva || [.eva, .gora].contains(rankAllocation) }

    /// Throws when a setting is outside its range.
    ///
    /// - Throws: ``TrainingError`` with code `invalidSetting`.
    func check() throws {
        func require(_ holds: Bool, _ text: String) throws {
            guard holds else { throw TrainingError(.invalidSetting, "Unable to train: \(text).") }
        }
        try require((1...LowRankUpdate.maximumRank).contains(rank), "the rank is \(rank), at least 1 is expected")
        try require(alpha.isFinite, "alpha is not a number")
        try require(rankPattern.values.allSatisfy { (1...LowRankUpdate.maximumRank).contains($0) }, "a rank is below 1")
        try require((0..<1).contains(dropout), "dropout is \(dropout), 0 up to 1 is expected")
        try require(
            !usesMagnitudes || !initialization.needsAnchor,
            "DoRA is not possible with an initialisation by the base's weights")
        try require(
            !usesMagnitudes || rankAllocation != .resize,
            "DoRA is not possible with ranks by resize, which looks at ΔW alone")
        try require([.f32, .f16, .bf16].contains(dtype), "adapters are written as f32, f16 or bf16")
        try require(learningRate > 0 && learningRate.isFinite, "the learning rate is \(learningRate)")
        try require(
            learningRateRatioOfB > 0 && learningRateRatioOfB.isFinite, "the learning rate ratio is not above 0")
        try require(schedule.warmupSteps >= 0, "the warm-up steps are negative")
        try require(weightDecay >= 0 && weightDecay.isFinite, "the weight decay is \(weightDecay)")
        try require(
            betas.count == 2 && betas.allSatisfy { (0..<1).contains($0) },
            "the betas are not two numbers from 0 up to 1")
        try require(maximumGradientNorm.map { $0 > 0 } ?? true, "the greatest gradient norm is not above 0")
        try require((1...65_536).contains(batchSize), "the batch has \(batchSize) rows")
        try require((1...65_536).contains(accumulation), "a step has \(accumulation) batches")
        try require(steps.map { $0 >= 1 } ?? true, "the number of steps is \(steps ?? 0)")
        try require(epochs > 0 && epochs.isFinite, "the number of epochs is \(epochs)")
        try require(
            (2...1 << 20).contains(maximumLength),
            "rows have at most \(maximumLength) tokens, 2 to 1048576 are possible")
        try require(validationInterval >= 0 && checkpointInterval >= 0, "an interval is negative")
        try require(patience.map { $0 >= 1 } ?? true, "the patience is below 1")
        try require(lossLimitPatience >= 1, "the patience of the loss limit is below 1")
    }

    /// The settings that decide the result, as a document.
    public var document: [String: MetadataValue] {
        var document: [String: MetadataValue] = [
            "r": MetadataValue(rank), "lora_alpha": .double(alpha),
            "use_rslora": .bool(scalingRule == .alphaOverSquareRootOfRank), "lora_dropout": .double(dropout),
            "use_dora": .bool(usesMagnitudes),
            "init_lora_weights": .string(initialization.rawValue), "precision": .string(precision.rawValue),
            "rank_allocation": .string(rankAllocation.rawValue),
            "dtype": .string(dtype.description),
            "learning_rate": .double(learningRate), "loraplus_lr_ratio": .double(learningRateRatioOfB),
            "lr_scheduler_type": .string(schedule.shape.rawValue), "warmup_steps": MetadataValue(schedule.warmupSteps),
            "weight_decay": .double(weightDecay), "adam_betas": .array(betas.map(MetadataValue.double)),
            "per_device_train_batch_size": MetadataValue(batchSize),
            "gradient_accumulation_steps": MetadataValue(accumulation), "max_seq_length": MetadataValue(maximumLength),
            "packing": .bool(packs), "seed": .string(String(seed)), "eval_steps": MetadataValue(validationInterval),
        ]
        document["max_grad_norm"] = maximumGradientNorm.map(MetadataValue.double)
        if let steps {
            document["max_steps"] = MetadataValue(steps)
        } else {
            document["num_train_epochs"] = .double(epochs)
        }
        switch targets {
        case .allLinear: document["target_modules"] = "all-linear"
        case .names(let names): document["target_modules"] = .array(names.map(MetadataValue.string))
        case .pattern(let pattern): document["target_modules"] = .string(pattern)
        }
        if !rankPattern.isEmpty { document["rank_pattern"] = .map(rankPattern.mapValues { MetadataValue($0) }) }
        if !alphaPattern.isEmpty { document["alpha_pattern"] = .map(alphaPattern.mapValues { .double($0) }) }
        document["early_stopping_patience"] = patience.map { MetadataValue($0) }
        return document
    }
}
