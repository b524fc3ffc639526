internal import AdapterTraining
internal import Adapters
public import ArgumentParser
internal import Tensors

/// The settings of a training run, under the names of PEFT and transformers.
struct TrainingArguments: ParsableArguments {
    @Option(name: [.long, .customLong("r")], help: "The rank of the updates.")
    var rank = 8

    @Option(
        name: [.long, .customLong("lora-alpha")], help: "α; the updates are scaled by α/r. Default: twice the rank.")
    var alpha: Double?

    @Option(help: "Which layers: all-linear, names such as q_proj,v_proj, or a regular expression of whole paths.")
    var targetModules = "all-linear"

    @Option(help: "PATTERN=RANK for layers that PEFT's rank_pattern would match; may be repeated.")
    var rankPattern: [String] = []

    @Option(help: "PATTERN=ALPHA likewise; may be repeated.")
    var alphaPattern: [String] = []

    @Flag(help: "Scale by α/√r (rsLoRA).")
    var useRslora = false

    @Flag(help: "Train the magnitude of each output apart from its direction (DoRA).")
    var useDora = false

    @Option(
        name: [.customLong("dropout"), .customLong("lora-dropout")],
        help: "The part of an update's inputs that a step drops.")
    var dropout = 0.0

    @Option(
        name: [.customLong("init"), .customLong("init-lora-weights")],
        help: "How A and B begin: kaiming, gaussian, orthogonal, pissa, olora or eva.")
    var initialization: UpdateInitialization = .kaiming

    @Option(
        help:
            "How ranks are given to layers: uniform, eva (variance of inputs), gora (gradients of weights) or resize (train twice the rank, then keep what matters most)."
    )
    var rankAllocation: RankAllocation = .uniform

    @Option(name: [.long, .customLong("lr")], help: "The learning rate after warm-up.")
    var learningRate = 2e-4

    @Option(help: "How much larger the learning rate of B is than that of A (LoRA+).")
    var loraplusLrRatio = 1.0

    @Option(help: "How the learning rate changes: cosine, linear or constant.")
    var lrSchedulerType: LearningRateSchedule.Shape = .cosine

    @Option(help: "The steps over which the learning rate rises.")
    var warmupSteps = 0

    @Option(help: "AdamW's weight decay.")
    var weightDecay = 0.0

    @Option(help: "The norm to which gradients are clipped; 0 for none.")
    var maxGradNorm = 1.0

    @Option(
        name: [.long, .customLong("per-device-train-batch-size")], help: "The rows of a batch, or packs with --packing."
    )
    var batchSize = 4

    @Option(
        name: [.customLong("grad-accumulation"), .customLong("gradient-accumulation-steps")],
        help: "The batches of a step; their losses count by tokens.")
    var accumulation = 1

    @Option(name: [.long, .customLong("iters")], help: "The steps; default: one pass over the data.")
    var maxSteps: Int?

    @Option(name: [.long, .customLong("num-train-epochs")], help: "The passes over the data.")
    var epochs = 1.0

    @Flag(help: "Let several rows share one of the greatest length; they do not see each other.")
    var packing = false

    @Option(help: "What everything random follows from.")
    var seed: UInt64 = 0

    @Option(help: "The steps between validations.")
    var evalSteps = 100

    @Option(help: "The steps between checkpoints; 0 for one at the end alone.")
    var saveSteps = 100

    @Option(help: "Stop after so many validations without improvement.")
    var earlyStoppingPatience: Int?

    @Option(
        name: [.customLong("loss-limit"), .customLong("loss-watchdog-threshold")],
        help: "Stop when the loss stays above this.")
    var lossLimit: Double?

    @Option(
        name: [.customLong("loss-limit-patience"), .customLong("loss-watchdog-patience")], help: "For so many steps.")
    var lossLimitPatience = 3

    @Option(help: "The activations that are kept: full, or checkpoint for less memory and a third more time.")
    var activations: ActivationPolicy = .full

    @Flag(help: "The same as --activations checkpoint.")
    var gradientCheckpointing = false

    @Option(
        help:
            "Products with the base's weights: f32, or bf16 where the processor has them: faster, rounded as PEFT does on a bf16 base."
    )
    var precision: BasePrecision = .f32

    @Option(help: "The element type of the adapters: f32, bf16 or f16.")
    var dtype: DType = .f32

    func configuration(maximumLength: Int) throws -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        configuration.targets = TargetSelection(parsing: targetModules)
        configuration.rank = rank
        configuration.alpha = alpha ?? 2 * Double(rank)
        configuration.rankPattern = try pattern(rankPattern, "--rank-pattern", "a whole number") { Int($0) }
        configuration.alphaPattern = try pattern(alphaPattern, "--alpha-pattern", "a number") { Double($0) }
        configuration.scalingRule = useRslora ? .alphaOverSquareRootOfRank : .alphaOverRank
        configuration.usesMagnitudes = useDora
        configuration.dropout = dropout
        configuration.initialization = initialization
        configuration.rankAllocation = rankAllocation
        configuration.dtype = dtype
        configuration.precision = precision
        configuration.learningRate = learningRate
        configuration.learningRateRatioOfB = loraplusLrRatio
        configuration.schedule = LearningRateSchedule(shape: lrSchedulerType, warmupSteps: warmupSteps)
        configuration.weightDecay = weightDecay
        configuration.maximumGradientNorm = maxGradNorm == 0 ? nil : maxGradNorm
        configuration.batchSize = batchSize
        configuration.accumulation = accumulation
        configuration.steps = maxSteps
        configuration.epochs = epochs
        configuration.maximumLength = maximumLength
        configuration.packs = packing
        configuration.seed = seed
        configuration.validationInterval = evalSteps
        configuration.checkpointInterval = saveSteps
        configuration.patience = earlyStoppingPatience
        configuration.lossLimit = lossLimit
        configuration.lossLimitPatience = lossLimitPatience
        configuration.activations = gradientCheckpointing ? .checkpoint : activations
        return configuration
    }

    private func pattern<Value>(
        _ texts: [String], _ option: String, _ expected: String, _ parse: (Substring) -> Value?
    ) throws -> [String: Value] {
        var values: [String: Value] = [:]
        for text in texts {
            guard let equals = text.lastIndex(of: "="), equals != text.startIndex,
                let value = parse(text[text.index(after: equals)...])
            else {
                throw ValidationError("Unable to read \(option) '\(text)': PATTERN= and \(expected) is expected.")
            }
            values[String(text[..<equals])] = value
        }
        return values
    }
}

extension BasePrecision: ExpressibleByArgument {}
extension UpdateInitialization: ExpressibleByArgument {}
extension RankAllocation: ExpressibleByArgument {}
extension LearningRateSchedule.Shape: ExpressibleByArgument {}
extension ActivationPolicy: ExpressibleByArgument {}
