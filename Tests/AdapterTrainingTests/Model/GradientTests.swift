import AdapterInterchange
import AdapterTraining
import ByteCoding
import Tensors
import Testing

/// Losses and gradients of Llama, Qwen 2 and Qwen 3 against the NumPy model that made the fixtures, in both number
/// types, and against central differences.
@Suite struct GradientTests {
    static let architectures = ["llama", "qwen2", "qwen3"]

    struct Case<Element: ComputeElement> {
        let updates: LowRankUpdates<Element>
        let model: Transformer<Element>
        let file: SafetensorsFile
        let batch: TokenBatch
        let loss: Double

        init(
            _ name: String, policy: ActivationPolicy = .full, workers: Int = 2, dropout: Double = 0,
            precision: BasePrecision = .f32, magnitudes: Bool = false
        ) throws {
            let folder = TrainingFixtures.directory + "/gradients/" + name
            let document = try TrainingFixtures.json(folder + "/case.json")
            let weights = try TransformerWeights<Element>(ModelFolder(opening: folder))
            file = try SafetensorsFile(opening: folder + "/updates.safetensors")
            updates = try ModelSupport.updates(
                Element.self, weights, file, alpha: #require(document["alpha"]?.number), magnitudes: magnitudes)
            if magnitudes {
                let other = try SafetensorsFile(opening: folder + "/dora.safetensors")
                for (number, update) in updates.updates.enumerated() {
                    let values = try ModelSupport.values(
                        other, update.specification.name + ".lora_magnitude_vector")
                    updates.magnitude(number)?.values.assign(values.map { Element($0) })
                }
            }
            let rows = zip(try #require(document["ids"]?.array), try #require(document["labels"]?.array))
            var batch = TokenBatch()
            for (ids, labels) in rows {
                batch.append(
                    (ids.array ?? []).compactMap { $0.integer.map(Int32.init) },
                    isLearned: (labels.array ?? []).map { $0.integer != -100 })
            }
            self.batch = batch
            loss = try #require(document["loss"]?.number)
            model = try Transformer(
                weights, updates: updates.runs(layerCount: weights.shape.layerCount), tokens: batch.ids.count,
                segmentLength: 11, policy: policy, dropout: dropout, precision: precision,
                workers: Workers(count: workers))
        }

        /// The mean loss; gradients are computed afresh.
        func compute() -> Double {
            updates.gradients.fill(0)
            let weight = 1 / Double(batch.learnedCount)
            return model.losses(batch, gradientWeight: weight).reduce(0, +) * weight
        }
    }

    private func check<Element: ComputeElement>(_ fixture: Case<Element>, tolerance: Double) throws {
        let loss = fixture.compute()
        #expect(abs(loss - fixture.loss) <= tolerance * fixture.loss)
        for update in fixture.updates.updates {
            for (letter, found) in [
                ("A", fixture.updates.a(update, in: fixture.updates.gradients)),
                ("B", fixture.updates.b(update, in: fixture.updates.gradients)),
            ] {
                let name = "gradient.\(update.specification.name).lora_\(letter).weight"
                let expected = try ModelSupport.values(fixture.file, name)
                let difference = ModelSupport.largestDifference(found.elements.map { Double($0) }, expected)
                #expect(difference <= tolerance, "\(name)")
            }
        }
    }

    @Test(arguments: architectures, ActivationPolicy.allCases)
    func `equal the NumPy model's in binary32`(_ name: String, _ policy: ActivationPolicy) throws {
        try check(Case<Float>(name, policy: policy), tolerance: 1e-5)
    }

    @Test(arguments: architectures, ActivationPolicy.allCases)
    func `equal the NumPy model's in binary64`(_ name: String, _ policy: ActivationPolicy) throws {
        // The fixtures hold gradients as binary32.
        try check(Case<Double>(name, policy: policy), tolerance: 1e-7)
    }

    @Test(arguments: architectures)
    func `equal central differences`(_ name: String) throws {
        let fixture = try Case<Double>(name)
        _ = fixture.compute()
        let gradients = fixture.updates.gradients.elements
        // Some elements of every update.
        for update in fixture.updates.updates {
            for index in [update.aRange.lowerBound + 3, update.aRange.upperBound - 1, update.bRange.lowerBound + 1] {
                let (value, step) = (fixture.updates.values[0, index], 1e-5)
                fixture.updates.values[0, index] = value + step
                let above = fixture.compute()
                fixture.updates.values[0, index] = value - step
                let below = fixture.compute()
                fixture.updates.values[0, index] = value
                #expect(abs((above - below) / (2 * step) - gradients[index]) < 1e-8)
            }
        }
    }

    @Test(arguments: architectures)
    func `with dropout equal central differences`(_ name: String) throws {
        let fixture = try Case<Double>(name, policy: .checkpoint, dropout: 0.3)
        let plain = fixture.compute()
        fixture.model.dropoutKey = 7
        let dropped = fixture.compute()
        #expect(plain != dropped)
        let gradients = fixture.updates.gradients.elements
        for index in stride(from: 5, to: gradients.count, by: 211) {
            let (value, step) = (fixture.updates.values[0, index], 1e-5)
            fixture.updates.values[0, index] = value + step
            let above = fixture.compute()
            fixture.updates.values[0, index] = value - step
            let below = fixture.compute()
            fixture.updates.values[0, index] = value
            #expect(abs((above - below) / (2 * step) - gradients[index]) < 1e-8)
        }
    }

    private func checkMagnitudes<Element: ComputeElement>(
        _ type: Element.Type, policy: ActivationPolicy, dropout: Double = 0, workers: Int = 2, tolerance: Double
    ) throws {
        let fixture = try Case<Element>("llama", policy: policy, workers: workers, dropout: dropout, magnitudes: true)
        // The key in fixtures/generator/training.py.
        if dropout > 0 { fixture.model.dropoutKey = 0x0123_4567_89AB_CDEF }
        let name = dropout > 0 ? "dora_dropout" : "dora"
        let file = try SafetensorsFile(opening: TrainingFixtures.directory + "/gradients/llama/\(name).safetensors")
        let loss = try #require(file.metadata["loss"].flatMap(Double.init))
        #expect(abs(fixture.compute() - loss) <= tolerance * loss)
        let gradients = fixture.updates.gradients
        for update in fixture.updates.updates {
            for (name, range) in [
                ("lora_A.weight", update.aRange), ("lora_B.weight", update.bRange),
                ("lora_magnitude_vector", update.magnitudeRange),
            ] {
                let expected = try ModelSupport.values(file, "gradient.\(update.specification.name).\(name)")
                let found = gradients.columns(range).elements.map { Double($0) }
                #expect(
                    ModelSupport.largestDifference(found, expected) <= tolerance, "\(update.specification.name).\(name)"
                )
            }
        }
    }

    @Test(arguments: ActivationPolicy.allCases, [1, 3])
    func `with magnitudes and dropout equal PEFT's with the same elements dropped`(
        _ policy: ActivationPolicy, workers: Int
    ) throws {
        try checkMagnitudes(Float.self, policy: policy, dropout: 0.25, workers: workers, tolerance: 1e-5)
        try checkMagnitudes(Double.self, policy: policy, dropout: 0.25, workers: workers, tolerance: 2e-6)
    }

    @Test(arguments: ActivationPolicy.allCases)
    func `with magnitudes equal PEFT's`(_ policy: ActivationPolicy) throws {
        try checkMagnitudes(Float.self, policy: policy, tolerance: 1e-5)
        // Torch keeps norms of hidden states and the loss in binary32 even here.
        try checkMagnitudes(Double.self, policy: policy, tolerance: 2e-6)
    }

    @Test(.enabled(if: Float.multipliesRounded, "the processor has no bf16 products"), arguments: architectures)
    func `with rounded factors are those of the twin in binary64, and near the exact ones`(_ name: String) throws {
        let (single, double) = (try Case<Float>(name, precision: .bf16), try Case<Double>(name, precision: .bf16))
        let (loss, twin) = (single.compute(), double.compute())
        // The twin rounds the same values unless they lie at a tie, so they differ by some roundings to bf16.
        #expect(abs(loss - twin) < 2e-3 * twin)
        #expect(abs(twin - double.loss) < 2e-2 * double.loss)
        let exact = try Case<Double>(name)
        _ = exact.compute()
        let gradients = single.updates.gradients.elements.map { Double($0) }
        #expect(ModelSupport.relativeDistance(gradients, exact.updates.gradients.elements) < 5e-2)
        let threads = try Case<Float>(name, workers: 5, precision: .bf16)
        _ = threads.compute()
        #expect(threads.updates.gradients.elements == single.updates.gradients.elements)
    }

    @Test(arguments: architectures)
    func `have the same bits with any number of threads, checkpointed or not`(_ name: String) throws {
        var results: Set<[UInt32]> = []
        for policy in ActivationPolicy.allCases {
            for workers in [1, 2, 3, 8] {
                let fixture = try Case<Float>(name, policy: policy, workers: workers)
                let loss = fixture.compute()
                results.insert(
                    fixture.updates.gradients.elements.map(\.bitPattern) + [Float(loss).bitPattern])
            }
        }
        #expect(results.count == 1)
    }
}
