import AdapterInterchange
import AdapterTesting
import Adapters
import LinearAlgebra
import Tensors
import Testing

@testable import AdapterTraining

/// Runs that end before their last step, or do not begin.
extension TrainerTests {
    /// Runs until it stops by itself, `change` called behind a step.
    private func stopped(
        _ trainer: Trainer, behind step: Int, _ change: (Trainer) -> Void
    ) -> (error: TrainingError?, sink: Sink) {
        let sink = Sink()
        let error = #expect(throws: TrainingError.self) {
            try trainer.run(sink) { event in if case .step(let done, _) = event, done.number == step { change(trainer) }
            }
        }
        return (error, sink)
    }

    @Test(arguments: ["model.layers.5.mlp.down_proj", "model.layers.2.self_attn.k_proj", "model.layers.0.mlp.up_proj"])
    func `stops at a loss that is not a number and names step, batch, examples and layer`(_ name: String) throws {
        let trainer = try trainer(
            configuration { ($0.checkpointInterval, $0.steps, $0.accumulation, $0.dropout) = (2, 20, 2, 0.1) })
        let update = try #require(trainer.updates.updates.first { $0.specification.name == name })
        let (error, sink) = stopped(trainer, behind: 3) { $0.updates.b(update)[0, 0] = .nan }
        #expect(error?.code == .nonFinite)
        let message = try #require(error?.message)
        #expect(message.contains("step 4: the loss of batch 1 of 2 is not finite, first in '\(name)' (examples "))
        #expect(message.contains("The checkpoint of step 2 stays."))
        #expect(sink.checkpoints.map(\.state.step) == [2])
        #expect(sink.checkpoints.first?.state.values.allSatisfy(\.isFinite) == true)
    }

    @Test func `stops at a gradient that is not finite and names the layer`() throws {
        let ids: [Int32] = [5, 9]
        let rows = Dataset(examples: [Example(ids: ids, isLearned: [true, true])])
        let trainer = try trainer(configuration { ($0.steps, $0.alpha, $0.checkpointInterval) = (20, 1e6, 0) }, rows)
        let update = try #require(trainer.updates.updates.last)
        // A is 1e-43: s·B·A·x is a small number, s·dyᵀ·B none that binary32 holds.
        let (error, sink) = stopped(trainer, behind: 1) { trainer in
            trainer.updates.a(update).fill(Float(bitPattern: 71))
            trainer.updates.b(update).fill(3e38)
        }
        #expect(error?.code == .nonFinite)
        #expect(
            error?.message.contains(
                "step 2: the gradient of '\(update.specification.name)' is not finite (examples 1)") == true)
        #expect(error?.message.contains("There is no checkpoint yet.") == true)
        #expect(sink.checkpoints.isEmpty)
    }

    @Test func `a validation loss that is not a number names the examples and the layer`() throws {
        // The bad row is seen by the validation alone.
        let trainer = try trainer(
            configuration { ($0.steps, $0.validationInterval) = (8, 4) }, validation: dataset(4))
        let update = try #require(
            trainer.updates.updates.first { $0.specification.name.hasSuffix("3.self_attn.o_proj") })
        let (error, _) = stopped(trainer, behind: 4) { $0.updates.b(update)[0, 0] = .infinity }
        #expect(error?.code == .nonFinite)
        #expect(error?.message.contains("behind step 4: the validation loss is") == true)
        #expect(error?.message.contains("first in 'model.layers.3.self_attn.o_proj' (examples 1, 2, 3, 4)") == true)
    }

    @Test func `a stop that is asked for keeps a checkpoint, and the run goes on with the same bits`() throws {
        let whole = try self.trainer(configuration { $0.dropout = 0.1 })
        _ = try run(whole)
        let trainer = try trainer(configuration { $0.dropout = 0.1 })
        let sink = Sink()
        var count = 0
        let error = #expect(throws: TrainingError.self) {
            try trainer.run(sink) {
                count += 1
                return count == 7
            } report: {
                _ in
            }
        }
        #expect(error?.code == .cancelled)
        #expect(error?.message.contains("--resume") == true)
        #expect(sink.checkpoints.map(\.state.step) == [7])
        let continued = try self.trainer(
            configuration { $0.dropout = 0.1 }, continuing: try #require(sink.checkpoints.last).state)
        _ = try run(continued)
        #expect(continued.state == whole.state)
    }

    @Test func `a frozen adapter and a trained one do not share a layer with magnitudes`() throws {
        func trained(_ change: (inout TrainingConfiguration) -> Void) throws -> Adapter {
            let configuration = configuration {
                $0.steps = 2
                change(&$0)
            }
            return try #require(run(trainer(configuration)).checkpoints.last).adapter
        }
        let plain = try trained { $0.targets = .names(["q_proj"]) }
        let dora = try trained { ($0.targets, $0.usesMagnitudes) = (.names(["q_proj"]), true) }
        for (frozen, usesMagnitudes) in [(plain, true), (dora, false), (dora, true)] {
            let error = #expect(throws: TrainingError.self) {
                _ = try trainer(configuration { $0.usesMagnitudes = usesMagnitudes }, stack: [(frozen, 1, "x")])
            }
            #expect(error?.code == .adapterMismatch)
            #expect(error?.message.contains("'model.layers.0.self_attn.q_proj'") == true)
        }
        // In other layers they do not meet, and what eval makes of both is what was trained.
        for (frozen, usesMagnitudes) in [(plain, true), (dora, false), (dora, true), (plain, false)] {
            let trainer = try trainer(
                configuration {
                    ($0.usesMagnitudes, $0.targets, $0.steps) = (usesMagnitudes, .names(["k_proj", "v_proj"]), 3)
                }, stack: [(frozen, 1, "x")])
            let second = try #require(run(trainer).checkpoints.last).adapter
            let model = try Transformer(
                evaluating: dataset(), Self.weights.get(), stack: [(frozen, 1, "x"), (second, 1, "y")],
                batchTokens: 200)
            let (written, trained) = (
                try Evaluation(model, dataset()).loss, try Evaluation(trainer.model, dataset()).loss
            )
            #expect(abs(written - trained) < 2e-6 * trained)
        }
    }

    @Test(arguments: [BasePrecision.f32, .bf16])
    func `a byte too few is said before the run, with what would fit`(_ precision: BasePrecision) throws {
        guard precision == .f32 || Float.multipliesRounded else { return }
        let wanted = configuration { ($0.batchSize, $0.precision) = (8, precision) }
        let need = try trainer(wanted).plannedByteCount
        _ = try trainer(wanted, availableMemory: need)
        let error = #expect(throws: TrainingError.self) { _ = try trainer(wanted, availableMemory: need - 1) }
        #expect(error?.code == .outOfMemory)
        #expect(error?.message.contains("ith --activations checkpoint it takes ") == true)
        #expect(error?.message.contains("; 7 rows a batch would fit.") == true)
        // What was advised fits.
        _ = try trainer(configuration { ($0.batchSize, $0.precision) = (7, precision) }, availableMemory: need - 1)
        _ = try trainer(
            configuration { ($0.batchSize, $0.precision, $0.activations) = (8, precision, .checkpoint) },
            availableMemory: need - 1)
        // Before the model is looked at, too.
        let probed = #expect(throws: TrainingError.self) {
            _ = try trainer(
                configuration { ($0.batchSize, $0.rankAllocation) = (8, .gora) }, availableMemory: 1000)
        }
        #expect(probed?.code == .outOfMemory)
        #expect(probed?.message.contains("Use shorter rows.") == true)
    }

    @Test func `an evaluation that does not fit is refused, with what would`() throws {
        func model(_ tokens: Int, _ available: Int?) throws -> Transformer<Float> {
            try Transformer(
                evaluating: dataset(), Self.weights.get(), stack: [], batchTokens: tokens, availableMemory: available)
        }
        let need = try model(400, nil).byteCount + LowRankUpdates<Float>([], isTrained: false).byteCount
        _ = try model(400, need)
        let error = #expect(throws: TrainingError.self) { _ = try model(400, need - 1) }
        #expect(error?.code == .outOfMemory)
        let longest = try #require(dataset().examples.map(\.ids.count).max())
        #expect(error?.message.contains("ith --batch-tokens \(longest) it would fit") == true)
        _ = try model(longest, need - 1)
    }
}
