import AdapterTesting
import ByteCoding
import FileSystem
import Testing

@testable import AdapterTraining

/// The record of a run, whole and thinned.
@Suite struct TrainingRecordTests {
    private func record(steps count: Int, validations: Int = 0) -> TrainingRecord {
        var record = TrainingRecord()
        record.steps = (0..<count).map {
            TrainingRecord.Step(
                number: $0 + 1, loss: 5 - Double($0) / 1e5, learningRate: 1e-3, gradientNorm: 2, learnedCount: 3,
                tokenCount: 4)
        }
        record.validations = (0..<validations).map {
            TrainingRecord.Validation(step: $0, loss: abs(Double($0) - 1234) + 1)
        }
        return record
    }

    @Test func `a short record stays as it is`() {
        let record = record(steps: 4096, validations: 16_384)
        #expect(record.thinned(to: 4096) == record)
    }

    @Test(arguments: [4097, 5000, 8192, 300_000]) func `a long one keeps its ends, its sums and its mean`(_ count: Int)
    {
        let record = record(steps: count)
        let thinned = record.thinned(to: 4096)
        #expect(thinned.steps.count == 4096)
        #expect(thinned.steps.first == record.steps.first && thinned.steps.last == record.steps.last)
        let numbers = thinned.steps.map(\.number)
        #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
        #expect(thinned.steps.reduce(0) { $0 + $1.tokenCount } == 4 * count)
        #expect(thinned.steps.reduce(0) { $0 + $1.learnedCount } == 3 * count)
        // The losses are a line, and so are the means, half a stretch before each last step.
        for (step, next) in zip(thinned.steps.dropFirst(), thinned.steps.dropFirst(2).dropLast()) {
            #expect(next.loss < step.loss)
        }
    }

    @Test func `of very many validations the best of each stretch stays`() {
        let record = record(steps: 10, validations: 100_000)
        let thinned = record.thinned(to: 4096)
        #expect(thinned.validations.count == 4 * 4096)
        #expect(thinned.best == record.best)
        #expect(thinned.validations.first == record.validations.first)
        #expect(thinned.validations.last == record.validations.last)
    }

    @Test func `the state of a long run comes back whole`() throws {
        let state = TrainingState(
            values: [1, 2], firstMoments: [3, 4], secondMoments: [5, 6], bestValues: nil, step: 300_000,
            position: .init(epoch: 2, batch: 7), record: record(steps: 300_000, validations: 3), settings: ["r": 1])
        try withTemporaryDirectory { folder in
            let file = try OutputFile(in: folder)
            try state.write(to: file)
            try file.commit(as: folder + "/state")
            #expect(try TrainingState(opening: folder + "/state") == state)
        }
    }
}
