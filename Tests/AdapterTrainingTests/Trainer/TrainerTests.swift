import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import LinearAlgebra
import Tensors
import Testing

@testable import AdapterTraining

/// Runs on the tiny model: continued, accumulated, packed and stopped ones.
@Suite struct TrainerTests {
    /// Keeps checkpoints in memory, and fails when it is told to.
    final class Sink: CheckpointSink {
        var checkpoints: [Checkpoint] = []
        var failsAtStep: Int?

        func write(_ checkpoint: Checkpoint) throws {
            if let failsAtStep, checkpoint.state.step >= failsAtStep {
                throw FileSystemError(.noSpace, "no space", path: "sink")
            }
            checkpoints.append(checkpoint)
        }
    }

    static let weights = Result {
        try TransformerWeights<Float>(ModelFolder(opening: TrainingFixtures.tinyModel))
    }

    func dataset(_ count: Int = 24, length: ClosedRange<Int> = 8...40) -> Dataset {
        var generator = SeededGenerator(seed: 5)
        let examples = (0..<count).map { _ in
            let length = Int.random(in: length, using: &generator)
            let ids = (0..<length).map { _ in Int32.random(in: 3..<2000, using: &generator) }
            return Example(ids: ids, isLearned: ids.indices.map { $0 % 5 != 2 })
        }
        return Dataset(examples: examples)
    }

    func configuration(_ change: (inout TrainingConfiguration) -> Void = { _ in }) -> TrainingConfiguration {
        var configuration = TrainingConfiguration()
        configuration.rank = 4
        configuration.steps = 20
        configuration.learningRate = 1e-3
        configuration.schedule = LearningRateSchedule(shape: .cosine, warmupSteps: 3)
        configuration.checkpointInterval = 10
        configuration.validationInterval = 5
        configuration.maximumLength = 48
        configuration.seed = 11
        change(&configuration)
        return configuration
    }

    func trainer(
        _ configuration: TrainingConfiguration, _ training: Dataset? = nil, validation: Dataset? = nil,
        stack: [(adapter: Adapter, weight: Double, label: String)] = [], continuing state: TrainingState? = nil,
        workers: Int = 2, availableMemory: Int? = nil
    ) throws -> Trainer {
        try Trainer(
            Self.weights.get(), base: BaseModel(name: "tiny"), training: training ?? dataset(),
            validation: validation, configuration: configuration, settings: ["data": "abc"], stack: stack,
            continuing: state, workers: Workers(count: workers), availableMemory: availableMemory)
    }

    func run(_ trainer: Trainer) throws -> Sink {
        let sink = Sink()
        try trainer.run(sink) { _ in }
        return sink
    }

    /// Through a file, as a process that is killed would find it.
    private func stored(_ state: TrainingState) throws -> TrainingState {
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            try state.write(to: file)
            try file.commit(as: folder + "/state")
            return try TrainingState(opening: folder + "/state")
        }
    }

    @Test(arguments: [0.0, 0.2])
    func `20 steps equal 10 and, continued, 10 more, bit for bit`(_ dropout: Double) throws {
        let configuration = configuration {
            $0.dropout = dropout
            $0.accumulation = 2
        }
        let validation = dataset(5)
        let whole = try run(trainer(configuration, validation: validation))
        #expect(whole.checkpoints.map(\.state.step) == [10, 20])
        let half = try stored(try #require(whole.checkpoints.first).state)
        #expect(half == whole.checkpoints.first?.state)
        let continued = try run(trainer(configuration, validation: validation, continuing: half, workers: 3))
        let (first, second) = (try #require(whole.checkpoints.last), try #require(continued.checkpoints.last))
        #expect(first.state == second.state)
        #expect(first.step == second.step)
        #expect(try bytes(first.adapter) == bytes(second.adapter))
    }

    func bytes(_ adapter: Adapter) throws -> [[UInt8]] {
        try adapter.modules.flatMap { try $0.tensors.map { try $0.tensor.bytes() } }
    }

    @Test func `any number of threads gives the same bits`() throws {
        var results: Set<[UInt32]> = []
        for workers in [1, 2, 5] {
            let trainer = try trainer(configuration { $0.steps = 4 }, workers: workers)
            _ = try run(trainer)
            results.insert(trainer.state.values.map(\.bitPattern))
        }
        #expect(results.count == 1)
    }

    /// The values after some steps, and the losses of the steps.
    func outcome(_ configuration: TrainingConfiguration, _ training: Dataset? = nil) throws -> (
        values: [Double], losses: [Double]
    ) {
        let trainer = try trainer(configuration, training)
        _ = try run(trainer)
        return (trainer.state.values.map { Double($0) }, trainer.record.steps.map(\.loss))
    }

    @Test func `a batch of 8 equals 4 batches of 2`() throws {
        let whole = try outcome(configuration { ($0.batchSize, $0.accumulation, $0.steps) = (8, 1, 6) })
        let parts = try outcome(configuration { ($0.batchSize, $0.accumulation, $0.steps) = (2, 4, 6) })
        // Sums in another order: some units in the last place a step, more where Adam divides noise by noise.
        #expect(ModelSupport.largestDifference(parts.losses, whole.losses) < 1e-6)
        #expect(ModelSupport.relativeDistance(parts.values, whole.values) < 1e-4)
    }

    @Test func `packed rows equal rows of their own`() throws {
        // All rows are one batch, packed or not.
        let rows = dataset(9)
        let apart = try outcome(configuration { ($0.batchSize, $0.steps) = (9, 4) }, rows)
        let packed = try outcome(
            configuration { ($0.batchSize, $0.steps, $0.packs, $0.maximumLength) = (9, 4, true, 100) }, rows)
        #expect(ModelSupport.largestDifference(packed.losses, apart.losses) < 1e-6)
        #expect(ModelSupport.relativeDistance(packed.values, apart.values) < 1e-4)
    }

    @Test func `checkpointed activations give the same bits`() throws {
        let full = try outcome(configuration { $0.steps = 4 })
        let checkpointed = try outcome(configuration { ($0.steps, $0.activations) = (4, .checkpoint) })
        #expect(full == checkpointed)
    }

    @Test func `stops early and keeps the best`() throws {
        // Noise cannot be learned for long.
        let trainer = try trainer(
            configuration { ($0.learningRate, $0.steps, $0.patience) = (3e-2, 200, 2) }, validation: dataset(4))
        let sink = try run(trainer)
        let best = try #require(trainer.record.best)
        #expect(trainer.step < 200)
        #expect(trainer.record.validations.suffix(2).allSatisfy { $0.loss >= best.loss })
        #expect(sink.checkpoints.last?.step == best.step)
        #expect(sink.checkpoints.last?.isFinal == true)
    }

    @Test func `stops where the loss stays above its limit`() throws {
        let trainer = try trainer(configuration { ($0.lossLimit, $0.lossLimitPatience) = (0.5, 4) })
        let error = #expect(throws: TrainingError.self) { try trainer.run(Sink()) { _ in } }
        #expect(error?.code == .diverged)
        #expect(trainer.step == 4)
    }

    @Test func `a checkpoint that cannot be kept ends the run`() throws {
        let sink = Sink()
        sink.failsAtStep = 20
        #expect(throws: FileSystemError.self) { try trainer(configuration()).run(sink) { _ in } }
        #expect(sink.checkpoints.map(\.state.step) == [10])
    }

    @Test func `a state of another run is refused by what differs`() throws {
        let state = try #require(run(trainer(configuration())).checkpoints.first).state
        let error = #expect(throws: TrainingError.self) {
            _ = try trainer(configuration { ($0.learningRate, $0.rank) = (5e-3, 8) }, continuing: state)
        }
        #expect(error?.code == .invalidCheckpoint)
        #expect(error?.message.contains("'learning_rate' was 0.001 and is 0.005") == true)
        #expect(error?.message.contains("'r' was 4 and is 8") == true)
    }

    @Test(arguments: UpdateInitialization.allCases)
    func `begins where the base model is`(_ initialization: UpdateInitialization) throws {
        let trainer = try trainer(configuration { $0.initialization = initialization })
        let plain = try Evaluation(
            Transformer(
                Self.weights.get(), updates: Array(repeating: [[], [], [], []], count: 6), tokens: 200,
                segmentLength: 48, isTraining: false), dataset())
        let begun = try Evaluation(trainer.model, dataset())
        #expect(abs(begun.loss - plain.loss) < 2e-6 * plain.loss)
        #expect(trainer.state.values.contains { $0 != 0 })
    }

    @Test(arguments: [UpdateInitialization.pissa, .olora], [ScalingRule.alphaOverRank, .alphaOverSquareRootOfRank])
    func `what begins away from zero is written so that the base stays as it is`(
        _ initialization: UpdateInitialization, _ rule: ScalingRule
    ) throws {
        let change: (inout TrainingConfiguration) -> Void = {
            ($0.initialization, $0.scalingRule) = (initialization, rule)
            ($0.steps, $0.checkpointInterval) = (6, 3)
        }
        let trainer = try trainer(configuration(change))
        let begun = try Evaluation(trainer.model, dataset()).loss
        #expect(try abs(begun - Evaluation(self.trainer(configuration()).model, dataset()).loss) < 1e-5)
        let sink = try run(trainer)
        let adapter = try #require(sink.checkpoints.last).adapter
        #expect(adapter.ranks == [8])
        // That of the rank that was asked for, 4.
        let scaling = rule.scaling(alpha: 16, rank: 4)
        #expect(adapter.updates.allSatisfy { abs($0.update.scaling / scaling - 1) < 1e-12 })
        let updates = try AdapterStack.updates([(adapter, 1, "x")], on: Self.weights.get())
        let model = try Transformer(
            Self.weights.get(), updates: updates.runs(layerCount: 6), tokens: 400, segmentLength: 48, isTraining: false)
        let (written, trained) = (try Evaluation(model, dataset()).loss, try Evaluation(trainer.model, dataset()).loss)
        #expect(abs(written - trained) < 2e-6 * trained)
        let continued = try self.trainer(configuration(change), continuing: #require(sink.checkpoints.first).state)
        _ = try run(continued)
        #expect(continued.state == trainer.state)
    }

    @Test func `magnitudes are trained, written and put on the model again`() throws {
        let change: (inout TrainingConfiguration) -> Void = {
            ($0.usesMagnitudes, $0.steps, $0.checkpointInterval, $0.learningRate) = (true, 6, 3, 3e-3)
        }
        let trainer = try trainer(configuration(change))
        let plain = try self.trainer(configuration())
        #expect(abs(try Evaluation(trainer.model, dataset()).loss - Evaluation(plain.model, dataset()).loss) < 1e-5)
        let sink = try run(trainer)
        let adapter = try #require(sink.checkpoints.last).adapter
        #expect(adapter.modules.allSatisfy { $0.parameter(.magnitude) != nil })
        let updates = try AdapterStack.updates([(adapter, 1, "x")], on: Self.weights.get())
        let model = try Transformer(
            Self.weights.get(), updates: updates.runs(layerCount: 6), tokens: 400, segmentLength: 48, isTraining: false)
        let (written, trained) = (try Evaluation(model, dataset()).loss, try Evaluation(trainer.model, dataset()).loss)
        #expect(abs(written - trained) < 2e-6 * trained)
        let continued = try self.trainer(configuration(change), continuing: #require(sink.checkpoints.first).state)
        _ = try run(continued)
        #expect(continued.state == trainer.state)
        let error = #expect(throws: TrainingError.self) {
            _ = try AdapterStack.updates([(adapter, 0.5, "x")], on: Self.weights.get())
        }
        #expect(error?.code == .adapterMismatch)
        #expect(throws: TrainingError.self) {
            _ = try self.trainer(configuration { ($0.usesMagnitudes, $0.initialization) = (true, .pissa) })
        }
    }

    @Test func `PiSSA takes the largest singular values`() throws {
        let weight = try #require(Self.weights.get().layers.first?.down.weight)
        let specification = UpdateSpecification(
            place: .init(layer: 0, linear: 6), name: "x", inputCount: weight.columns, outputCount: weight.rows, rank: 4,
            alpha: 8)
        let factors = try UpdateInitialization.pissa.factors(of: specification, weight, seed: 1, directions: nil)
        let exact = try weight.matrix().singularValues()
        // Columns of B and rows of A have the norm √(σ / s).
        for index in 0..<4 {
            let row = factors.a[index * weight.columns..<(index + 1) * weight.columns]
            let column = (0..<weight.rows).map { factors.b[$0 * 4 + index] }
            #expect(abs(row.reduce(0) { $0 + $1 * $1 } * 2 / exact[index] - 1) < 1e-3)
            #expect(abs(column.reduce(0) { $0 + $1 * $1 } * 2 / exact[index] - 1) < 1e-3)
        }
    }

    @Test(arguments: [RankAllocation.eva, .gora])
    func `ranks that differ keep the scaling and about the budget`(_ allocation: RankAllocation) throws {
        let initialization = allocation == .eva ? UpdateInitialization.eva : .kaiming
        let trainer = try trainer(
            configuration { ($0.rankAllocation, $0.initialization, $0.steps) = (allocation, initialization, 4) })
        let specifications = trainer.updates.updates.map(\.specification)
        #expect(Set(specifications.map(\.rank)).count > 1)
        #expect(specifications.allSatisfy { abs($0.scaling - 4) < 1e-12 })
        let budget = try configuration().specifications(for: Self.weights.get()).reduce(0) { $0 + $1.elementCount }
        let used = specifications.reduce(0) { $0 + $1.elementCount }
        #expect(used > budget * 7 / 10 && used < budget * 13 / 10)
        let adapter = try #require(run(trainer).checkpoints.last).adapter
        #expect(adapter.ranks.count > 1)
        #expect(trainer.record.steps.allSatisfy { $0.loss.isFinite })
        // The same ranks again.
        let again = try self.trainer(
            configuration { ($0.rankAllocation, $0.initialization, $0.steps) = (allocation, initialization, 4) },
            workers: 1)
        #expect(again.updates.updates.map(\.specification) == specifications)
    }

    @Test func `directions of inputs are their principal components`() throws {
        var generator = SeededGenerator(seed: 3)
        var view: MatrixView<Float>?
        let arena = try Arena<Float>({ $0.matrix(90, 6) }, result: &view)
        try withExtendedLifetime(arena) {
            let x = try #require(view)
            // Two strong directions about a mean that is not zero.
            let rows = (0..<90).map { _ in (generator.normal() * 5, generator.normal() * 3) }
            for (row, (p, q)) in rows.enumerated() {
                for (column, value) in [1 + p, q + 2, p * 0.5, 0.01 * generator.normal(), 7, -q].enumerated() {
                    x[row, column] = Float(value)
                }
            }
            let (whole, parts) = (
                InputDirections(layerCount: 1, count: 2, seed: 1), InputDirections(layerCount: 1, count: 2, seed: 1)
            )
            whole.input(x, layer: 0, group: 0)
            for start in stride(from: 0, to: 90, by: 30) { parts.input(x.rows(start..<start + 30), layer: 0, group: 0) }
            let place = UpdateSpecification.Place(layer: 0, linear: 1)
            #expect(ModelSupport.largestDifference(parts.ratios(of: place), whole.ratios(of: place)) < 1e-4)
            #expect(whole.ratios(of: place).reduce(0, +) > 0.9999)
            let direction = whole.directions(of: place).prefix(6)
            #expect(abs(direction.reduce(0) { $0 + $1 * $1 } - 1) < 1e-9)
            #expect(abs(direction[4]) < 1e-6)
        }
    }

    @Test func `importances are means of weights times their gradients`() throws {
        let weights = try TransformerWeights<Float>(
            ModelFolder(opening: TrainingFixtures.directory + "/gradients/llama"))
        // With A the identity and B zero, the gradient of B is that of the weight.
        let linears = AdapterStack.linears(weights)
        let updates = try LowRankUpdates<Float>(
            linears.map { place, linear in
                UpdateSpecification(
                    place: place, name: linear.name, inputCount: linear.weight.columns,
                    outputCount: linear.weight.rows, rank: linear.weight.columns, alpha: Double(linear.weight.columns))
            }, isTrained: true)
        for update in updates.updates {
            let a = updates.a(update)
            for row in 0..<a.rows { a[row, row] = 1 }
        }
        var batch = TokenBatch()
        for ids in [[3, 17, 5, 60, 8, 41, 96], [9, 2, 33, 33, 71]] as [[Int32]] {
            batch.append(ids, isLearned: ids.map { $0 != 5 })
        }
        let model = try Transformer(
            weights, updates: updates.runs(layerCount: weights.shape.layerCount), tokens: 12, segmentLength: 7)
        let probe = GradientImportance(weights, Workers(count: 2))
        model.probe = probe
        _ = model.losses(batch, gradientWeight: 1 / Double(batch.learnedCount))
        #expect(probe.values.count == linears.count)
        for update in updates.updates {
            let place = update.specification.place
            let weight = try #require(linears.first { $0.place == place }).linear.weight
            var values: MatrixView<Float>?
            let arena = try Arena<Float>({ $0.matrix(weight.rows, weight.columns) }, result: &values)
            try withExtendedLifetime(arena) {
                let values = try #require(values)
                weight.copy(to: values)
                let products = zip(values.elements, updates.b(update, in: updates.gradients).elements)
                let mean =
                    products.reduce(0) { $0 + abs(Double($1.0) * Double($1.1)) }
                    / Double(weight.rows * weight.columns)
                let found = try #require(probe.values[place])
                #expect(mean > 0 && abs(found - mean) < 1e-5 * mean, "\(update.specification.name)")
            }
        }
    }

    @Test func `a stack of adapters counts, and stays as it is`() throws {
        let adapter = try #require(run(trainer(configuration { $0.steps = 8 })).checkpoints.last).adapter
        let alone = try trainer(configuration())
        let stacked = try trainer(configuration(), stack: [(adapter, 0.5, "a"), (adapter, 0.5, "b")])
        let whole = try AdapterStack.updates([(adapter, 1, "a")], on: Self.weights.get())
        let model = try Transformer(
            Self.weights.get(), updates: whole.runs(layerCount: 6), tokens: 400, segmentLength: 48, isTraining: false)
        let expected = try Evaluation(model, dataset()).loss
        #expect(try Evaluation(alone.model, dataset()).loss != expected)
        #expect(abs(try Evaluation(stacked.model, dataset()).loss - expected) < 1e-6 * expected)
        let after = try run(stacked)
        #expect(try Evaluation(model, dataset()).loss == expected)
        #expect(after.checkpoints.last?.state.values.count == alone.state.values.count)
    }

    private typealias Change = @Sendable (inout TrainingConfiguration) -> Void

    private static let refused: [(String, String, Change)] = [
        ("the rank", "invalidSetting", { $0.rank = 0 }), ("rank above the matrix", "invalidSetting", { $0.rank = 65 }),
        ("no target", "noTarget", { $0.targets = .names(["q_proj", "c_attn"]) }),
        ("no target", "noTarget", { $0.targets = .pattern("nothing.*") }),
        ("dropout", "invalidSetting", { $0.dropout = 1 }), ("rate", "invalidSetting", { $0.learningRate = -.infinity }),
        ("odd", "invalidSetting", { ($0.initialization, $0.rank) = (.orthogonal, 3) }),
        ("memory", "outOfMemory", { ($0.batchSize, $0.maximumLength, $0.packs) = (60_000, 500, true) }),
    ]

    @Test func `refuses what cannot be`() throws {
        for (name, code, change) in Self.refused {
            let error = #expect(throws: TrainingError.self, "\(name)") { _ = try trainer(configuration(change)) }
            #expect(error?.code.description == code, "\(name)")
        }
    }

    @Test func `tokens and rows that the model does not know are refused`() throws {
        for (ids, code) in [
            ([1, 5000], TrainingError.Code.invalidModel), (Array(repeating: 4, count: 600), .rowTooLong),
        ] {
            let example = Example(ids: ids.map { Int32($0) }, isLearned: ids.map { _ in true })
            let error = #expect(throws: TrainingError.self) {
                _ = try trainer(configuration(), Dataset(examples: [example]))
            }
            #expect(error?.code == code)
        }
    }

    @Test func `targets, ranks and alphas follow patterns as in PEFT`() throws {
        let specifications = try configuration {
            $0.targets = .pattern(#"model\.layers\.[01]\..*(q_proj|down_proj)"#)
            $0.rankPattern = ["layers.1.self_attn.q_proj": 2, "down_proj": 6]
            $0.alphaPattern = ["^model.layers.0.mlp.down_proj": 3]
        }.specifications(for: Self.weights.get())
        #expect(specifications.map(\.rank) == [4, 6, 2, 6])
        #expect(specifications.map(\.alpha) == [16, 3, 16, 16])
        #expect(specifications.map(\.place.layer) == [0, 0, 1, 1])
    }
}
