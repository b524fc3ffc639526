import AdapterFormat
import AdapterRegistry
import AdapterTesting
import Adapters
import ByteCoding
import Testing

@testable import AdapterCommands
@testable import AdapterTraining

/// Runs as lines, and what versions say of long ones.
@Suite struct TrainingDisplayTests {
    private func record(_ losses: [Double]) -> TrainingRecord {
        var record = TrainingRecord()
        record.steps = losses.enumerated().map {
            TrainingRecord.Step(
                number: $0 + 1, loss: $1, learningRate: 1e-3, gradientNorm: 1, learnedCount: 1, tokenCount: 2)
        }
        return record
    }

    @Test func `a curve is as long as the run, or as the line`() {
        func line(_ losses: [Double], width: Int = 60) -> String {
            LossCurve(record: record(losses)).line(width: width)
        }
        #expect(line([]) == "")
        #expect(line([8, 7, 6, 5, 4, 3, 2, 1]) == "█▇▆▅▄▃▂▁")
        #expect(line([3, 3, 3]) == "▁▁▁")
        // What is not a number has no place on it.
        #expect(line([2, .nan, 1, .infinity]) == "█▁")
        #expect(line([.nan]) == "")
        // Means of neighbours.
        #expect(line([4, 2, 1, 1, 1, 0], width: 3) == "▆▃▂")
        #expect(line((0..<1000).map { Double($0) }, width: 8) == "▁▂▃▄▅▆▇█")
    }

    private func status(validation: Double? = nil) -> TrainingStatus {
        TrainingStatus(
            step: record([1.23456]).steps[0], total: 101, validationLoss: validation, seconds: 2, stepCount: 4,
            tokenCount: 5000, memoryByteCount: 1_500_000_000)
    }

    @Test func `the progress line has everything, and gives up what the width does not hold`() {
        let whole = "step 1/101  loss 1.2346  validation 1.5000  2.5 k tokens/s  50 s left  1.5 GB"
        #expect(status(validation: 1.5).line(width: nil) == whole)
        #expect(!status().line(width: nil).contains("validation"))
        #expect(status(validation: 1.5).line(width: whole.count + 1) == whole)
        #expect(status(validation: 1.5).line(width: whole.count) == String(whole.dropLast("  1.5 GB".count)))
        #expect(status().line(width: 5) == "step 1/101")
        #expect(status().document["secondsLeft"]?.number == 50)
        #expect(status().document["tokensPerSecond"]?.integer == 2500)
    }

    @Test func `a version of a very long run is stored and read`() throws {
        try withTemporaryDirectory { folder in
            let registry = try Registry(opening: folder + "/registry", mode: .readWrite)
            let sink = RegistryCheckpointSink(
                registry, target: try Reference(parsing: "team/long"), settings: ["lora_dropout": .double(0)],
                data: .null,
                parents: [], message: nil, keptStates: 1, parameterBudget: nil, expected: .any, continuing: nil)
            var record = record((0..<300_000).map { 5 - Double($0) / 1e5 })
            record.validations = [.init(step: 0, loss: 5), .init(step: 300_000, loss: 2)]
            let state = TrainingState(
                values: [1], firstMoments: [0], secondMoments: [0], bestValues: nil, step: 300_000,
                position: .init(epoch: 1, batch: 0), record: record, settings: ["r": 1])
            try sink.write(
                Checkpoint(
                    adapter: SampleAdapters.plain(seed: 1, moduleCount: 1, rank: 2), state: state, step: 300_000,
                    isFinal: false))
            let stored = try #require(sink.stored)
            let run = try #require(StoredRun(try registry.open(stored).provenance(), digest: stored.digest))
            #expect(run.step == 300_000 && run.bestStep == 300_000)
            #expect(run.record == record.thinned(to: 4096))
            #expect(run.record.steps.count == 4096)
            #expect(try run.openState(in: registry) == state)
        }
    }
}
