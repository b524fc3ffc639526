import AdapterInterchange
import AdapterTraining
import ByteCoding
import Tensors
import Testing

/// Replays 20 steps of PEFT 0.21.2 with torch's AdamW.
@Suite struct TraceTests {
    private struct Trace {
        let document: MetadataValue
        let file: SafetensorsFile
        let weights: TransformerWeights<Float>
        let updates: LowRankUpdates<Float>
        let model: Transformer<Float>
        let workers = Workers()

        init(_ name: String) throws {
            let folder = TrainingFixtures.directory + "/trace"
            document = try TrainingFixtures.json("\(folder)/\(name).json")
            file = try SafetensorsFile(opening: folder + "/trace.safetensors")
            weights = try TransformerWeights<Float>(ModelFolder(opening: TrainingFixtures.tinyModel))
            updates = try ModelSupport.updates(Float.self, weights, file, prefix: "initial.", alpha: 16)
            model = try Transformer(
                weights, updates: updates.runs(layerCount: 6), tokens: 4 * 128, segmentLength: 128)
        }

        func rows(_ name: String) throws -> [[Int32]] {
            let values = try ModelSupport.values(file, name)
            return stride(from: 0, to: values.count, by: 128).map { start in
                values[start..<start + 128].map { Int32($0) }
            }
        }
    }

    @Test(arguments: [("trace", "final.", 1), ("trace_masked", "final_masked.", 2)])
    func `losses, gradients and the adapter equal PEFT's`(_ name: String, _ final: String, _ accumulation: Int) throws {
        let trace = try Trace(name)
        let isMasked = accumulation > 1
        let ids = try trace.rows(isMasked ? "masked.input_ids" : "input_ids")
        let labels = isMasked ? try trace.rows("masked.labels") : ids
        var adamW = AdamW()
        adamW.weightDecay = 0.01
        let clip = try #require(trace.document["clip"]?.number)
        let steps = try #require(trace.document["steps"]?.array)
        #expect(steps.count == 20)
        for (number, step) in steps.enumerated() {
            trace.updates.gradients.fill(0)
            var loss = 0.0
            let tokens = try #require(step["tokens"]?.integer)
            for part in 0..<accumulation {
                var batch = TokenBatch()
                for row in part * 4 / accumulation..<(part + 1) * 4 / accumulation {
                    batch.append(ids[number * 4 + row], isLearned: labels[number * 4 + row].map { $0 >= 0 })
                }
                loss += trace.model.losses(batch, gradientWeight: 1 / Double(tokens)).reduce(0, +)
            }
            loss /= Double(tokens)
            let norms = trace.updates.gradientNorms(trace.workers)
            let norm = norms.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let (expectedLoss, expectedNorm) = (
                try #require(step["loss"]?.number), try #require(step["grad_norm"]?.number)
            )
            #expect(abs(loss - expectedLoss) <= 2e-6 * expectedLoss, "step \(number)")
            #expect(abs(norm - expectedNorm) <= 1e-5 * expectedNorm, "step \(number)")
            adamW.step(
                trace.updates, number: number + 1, learningRate: try #require(step["lr"]?.number),
                gradientScale: min(1, clip / (norm + 1e-6)), trace.workers)
        }
        var (found, expected): ([Double], [Double]) = ([], [])
        for update in trace.updates.updates {
            found += trace.updates.a(update).elements.map { Double($0) }
            found += trace.updates.b(update).elements.map { Double($0) }
            for letter in ["A", "B"] {
                expected += try ModelSupport.values(
                    trace.file, "\(final)\(update.specification.name).lora_\(letter).weight")
            }
        }
        // The fixture holds the adapter as binary16, which is half of this.
        #expect(ModelSupport.relativeDistance(found, expected) <= 5e-4)
    }

    @Test func `logits of base and adapter equal PEFT's`() throws {
        let trace = try Trace("trace")
        let updates = try ModelSupport.updates(Float.self, trace.weights, trace.file, prefix: "final.", alpha: 16)
        let rows = try #require(JSON.parse(Array((trace.file.metadata["rows"] ?? "").utf8)).array).compactMap(\.integer)
        let ids = try ModelSupport.values(trace.file, "logits.ids").map { Int32($0) }
        var batch = TokenBatch()
        batch.append(ids, isLearned: ids.map { _ in false })
        let without: [[[LowRankRun<Float>]]] = Array(repeating: [[], [], [], []], count: 6)
        for (name, runs, tolerance) in [
            ("logits.base", without, 2e-6), ("logits.adapter", updates.runs(layerCount: 6), 1e-3),
        ] {
            let model = try Transformer(
                trace.weights, updates: runs, tokens: 32, segmentLength: 32, isTraining: false)
            let logits = model.logits(batch, at: rows).elements.map { Double($0) }
            let expected = try ModelSupport.values(trace.file, name)
            #expect(ModelSupport.largestDifference(logits, expected) <= tolerance, "\(name)")
        }
    }
}
