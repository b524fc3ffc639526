import Adapters
import LinearAlgebra
import Testing

@testable import AdapterTraining

/// The learning rate's way, LoRA+, the scaling and the clipping.
@Suite struct OptimizerTests {
    /// transformers' `get_scheduler` with 3 steps of warm-up of 10.
    private static let schedules: [(shape: LearningRateSchedule.Shape, factors: [Double])] = [
        (.constant, [0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1, 1, 1]),
        (.linear, [0, 1 / 3, 2 / 3, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7, 0]),
        (
            .cosine,
            [
                0, 1 / 3, 2 / 3, 1, 0.9504844339512095, 0.8117449009293668, 0.6112604669781572, 0.38873953302184283,
                0.18825509907063326, 0.04951556604879048, 0,
            ]
        ),
    ]

    @Test func `the rate goes as in transformers, but the warm-up begins a step later, above 0`() {
        for (shape, factors) in Self.schedules {
            let schedule = LearningRateSchedule(shape: shape, warmupSteps: 3)
            for step in 0..<10 {
                let expected = factors[step < 3 ? step + 1 : step]
                #expect(abs(schedule.factor(step: step, of: 10) - expected) < 1e-12, "\(shape), step \(step)")
            }
            #expect(LearningRateSchedule(shape: shape, warmupSteps: 0).factor(step: 0, of: 10) == 1)
        }
    }

    @Test func `gradients are clipped as torch does`() {
        #expect(AdamW.clippingFactor(norm: 5, limit: nil) == 1)
        #expect(AdamW.clippingFactor(norm: 0.5, limit: 1) == 1)
        #expect(AdamW.clippingFactor(norm: 4, limit: 1) == 1 / (4 + 1e-6))
        #expect(AdamW.clippingFactor(norm: 0, limit: 1) == 1)
    }

    private func updates(_ rule: ScalingRule = .alphaOverRank) throws -> LowRankUpdates<Float> {
        try LowRankUpdates(
            [
                UpdateSpecification(
                    place: .init(layer: 0, linear: 3), name: "x", inputCount: 6, outputCount: 4, rank: 4, alpha: 8,
                    scalingRule: rule)
            ], isTrained: true)
    }

    @Test func `the rate of B is that of A times the ratio`() throws {
        let updates = try updates()
        updates.gradients.fill(0.5)
        var optimizer = AdamW()
        optimizer.ratioOfB = 16
        optimizer.step(updates, number: 1, learningRate: 1e-3, gradientScale: 1, Workers(count: 1))
        // AdamW's first step is the rate, whatever the gradient.
        for value in updates.values.columns(updates.updates[0].aRange).elements {
            #expect(abs(Double(value) / -1e-3 - 1) < 1e-6)
        }
        for value in updates.values.columns(updates.updates[0].bRange).elements {
            #expect(abs(Double(value) / -16e-3 - 1) < 1e-6)
        }
    }

    @Test func `the scaling is α over r, or over its root`() throws {
        #expect(try updates().updates[0].specification.scaling == 2)
        #expect(try updates(.alphaOverSquareRootOfRank).updates[0].specification.scaling == 4)
        #expect(try updates(.alphaOverSquareRootOfRank).runs(layerCount: 1)[0][1][0].parts[0].scaling == 4)
    }
}
