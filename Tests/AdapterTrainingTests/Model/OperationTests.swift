import AdapterInterchange
import AdapterTesting
import Testing

@testable import AdapterTraining

/// Operations over several rows in binary64 against central differences, every element of every argument.
@Suite struct OperationTests {
    private static let shape = TransformerShape(
        architecture: "llama", hiddenSize: 16, layerCount: 1, headCount: 4, keyHeadCount: 2, headSize: 4,
        feedForwardSize: 8, vocabularySize: 11, normEpsilon: 1e-5, rotaryBase: 10_000, rotaryScaling: .none,
        hasTiedHead: true, normalizesHeads: false, contextLength: 128)

    /// Matrices of random elements with gaps between their rows.
    private final class Memory {
        private var arenas: [Arena<Double>] = []
        private var generator = SeededGenerator(seed: 21)

        func matrix(_ rows: Int, _ columns: Int) throws -> MatrixView<Double> {
            var view: MatrixView<Double>?
            arenas.append(try Arena({ $0.matrix(rows, columns + 3) }, result: &view))
            let matrix = try #require(view).columns(0..<columns)
            randomize(matrix)
            return matrix
        }

        func randomize(_ matrix: MatrixView<Double>) {
            for row in 0..<matrix.rows { for column in 0..<matrix.columns { matrix[row, column] = generator.normal() } }
        }
    }

    /// Compares a gradient with how a sum changes with each element.
    private func expectGradient(of x: MatrixView<Double>, _ gradient: [Double], _ sum: () -> Double) {
        let step = 1e-5
        var largest = 0.0
        for row in 0..<x.rows {
            for column in 0..<x.columns {
                let value = x[row, column]
                x[row, column] = value + step
                let above = sum()
                x[row, column] = value - step
                let below = sum()
                x[row, column] = value
                largest = max(largest, abs((above - below) / (2 * step) - gradient[row * x.columns + column]))
            }
        }
        #expect(largest < 1e-7)
    }

    // The second segment is longer than a tile.
    @Test(arguments: [1, 3]) func `attention of two segments with shared keys`(_ workerCount: Int) throws {
        let segments = [0..<5, 5..<75]
        let (memory, shape, workers) = (Memory(), Self.shape, Workers(count: workerCount))
        let qkv = try memory.matrix(75, shape.queryColumns + 2 * shape.keyColumns)
        let (output, logSums) = (try memory.matrix(75, shape.queryColumns), try memory.matrix(75, shape.headCount))
        let (dy, dqkv) = (try memory.matrix(75, shape.queryColumns), try memory.matrix(75, qkv.columns))
        let scratchCount = Attention<Double>.scratchCount(segmentLength: 70)
        let scratch = try (0..<workerCount).map { _ in try memory.matrix(1, scratchCount) }
        let attention = Attention<Double>(shape)
        func forward() -> Double {
            attention.forward(qkv, segments: segments, into: output, logSums: logSums, workers, scratch: scratch)
            return Double.dot(output, dy)
        }
        _ = forward()
        attention.backward(
            dy, qkv, output: output, logSums: logSums, segments: segments, into: dqkv, workers, scratch: scratch)
        let gradient = dqkv.elements
        // All rows of the short segment; of the long one those about the border of its tiles.
        expectGradient(of: qkv.rows(0..<5), Array(gradient.prefix(5 * qkv.columns)), forward)
        let border = 66..<72
        expectGradient(
            of: qkv.rows(border), Array(gradient[border.lowerBound * qkv.columns..<border.upperBound * qkv.columns]),
            forward)
    }

    @Test func `the gradient of a rotation is the inverse one`() throws {
        let memory = Memory()
        let (x, dy, dx) = (try memory.matrix(4, 12), try memory.matrix(4, 12), try memory.matrix(4, 12))
        let (turned, cosines, sines) = (
            try memory.matrix(4, 12), try memory.matrix(9, 2), try memory.matrix(9, 2)
        )
        for row in 0..<9 {
            for pair in 0..<2 {
                let sine = Double((row * 7 + pair * 3) % 10) / 10
                sines[row, pair] = sine
                cosines[row, pair] = (1 - sine * sine).squareRoot()
            }
        }
        let positions: ArraySlice<Int32> = [0, 8, 3, 3]
        func forward() -> Double {
            turned.copy(x)
            Double.rotate(turned, cosine: cosines, sine: sines, positions: positions, inverse: false)
            return Double.dot(turned, dy)
        }
        dx.copy(dy)
        Double.rotate(dx, cosine: cosines, sine: sines, positions: positions, inverse: true)
        expectGradient(of: x, dx.elements, forward)
    }

    @Test func `norms and SwiGLU of several rows`() throws {
        let memory = Memory()
        let (x, gain, y, dy) = (
            try memory.matrix(4, 9), try memory.matrix(1, 9), try memory.matrix(4, 9), try memory.matrix(4, 9)
        )
        let (other, dx, dOther) = (try memory.matrix(4, 9), try memory.matrix(4, 9), try memory.matrix(4, 9))
        dx.fill(0)
        Double.addNormalizeGradient(dy, x, gain: gain, epsilon: 1e-5, to: dx)
        expectGradient(of: x, dx.elements) {
            Double.normalize(x, gain: gain, epsilon: 1e-5, into: y)
            return Double.dot(y, dy)
        }
        func activated() -> Double {
            Double.swiGLU(gate: x, up: other, into: y)
            return Double.dot(y, dy)
        }
        Double.swiGLUGradient(dy, gate: x, up: other, gateGradient: dx, upGradient: dOther)
        expectGradient(of: x, dx.elements, activated)
        expectGradient(of: other, dOther.elements, activated)
    }

    /// A model of 2 layers with biases and a head of its own; hidden size 32.
    private static let weights = Result {
        try TransformerWeights<Double>(ModelFolder(opening: TrainingFixtures.directory + "/gradients/qwen2"))
    }

    @Test(arguments: [nil, 0.3] as [Double?])
    func `linear layers with biases, updates, magnitudes and dropout`(_ probability: Double?) throws {
        let (memory, workers) = (Memory(), Workers(count: 2))
        let layer = try Self.weights.get().layers[0]
        // Queries have magnitudes, keys have no update, values have a plain one.
        let updates = try LowRankUpdates<Double>(
            [(0, 3), (2, 2)].map { member, rank in
                let linear = layer.linears[member]
                var specification = UpdateSpecification(
                    place: .init(layer: 0, linear: member), name: linear.name, inputCount: linear.weight.columns,
                    outputCount: linear.weight.rows, rank: rank, alpha: 5)
                specification.hasMagnitude = member == 0
                return specification
            }, isTrained: true)
        memory.randomize(updates.values)
        let group = LinearGroup(layer.projections, runs: updates.runs(layerCount: 1)[0][0])
        #expect(group.linears.allSatisfy { $0.bias != nil })
        let (rows, columns) = (7, group.outputColumns)
        let (x, dx) = (try memory.matrix(rows, group.inputColumns), try memory.matrix(rows, group.inputColumns))
        let (y, dy) = (try memory.matrix(rows, columns), try memory.matrix(rows, columns))
        let (u, du) = (try memory.matrix(rows, group.innerColumns), try memory.matrix(rows, group.innerColumns))
        let scratch = try (0..<2).map { _ in try memory.matrix(1, group.scratchCount) }
        let roomCount = max(rows * LinearGroup<Double>.partSize, group.normRoomCount)
        let room = try (0..<2).map { _ in try memory.matrix(1, roomCount) }
        let scaled = try memory.matrix(1, rows * columns)
        let masked = try memory.matrix(rows, group.inputColumns)
        let dropout = probability.map { Dropout(probability: $0, key: 5, masked: masked) }
        func forward() -> Double {
            group.forward(x, into: y, inner: u, dropout: dropout, workers, scratch: scratch, room: room)
            return Double.dot(y, dy)
        }
        group.updateNorms(isFirst: true, workers, scratch: scratch, room: room)
        _ = forward()
        updates.gradients.fill(0)
        group.backward(
            dy, x, inner: u, innerGradient: du, into: dx, dropout: dropout, workers, scratch: scratch, room: room,
            scaled: scaled)
        expectGradient(of: x, dx.elements, forward)
        // Norms have no gradient, so they stay as they were while A and B change.
        for update in updates.updates {
            for (values, gradients) in [
                (updates.a(update), updates.a(update, in: updates.gradients)),
                (updates.b(update), updates.b(update, in: updates.gradients)),
            ] {
                expectGradient(of: values, gradients.elements, forward)
            }
        }
        let magnitude = try #require(updates.magnitude(0))
        expectGradient(of: magnitude.values, try #require(magnitude.gradient).elements) {
            group.updateNorms(isFirst: false, workers, scratch: scratch, room: room)
            return forward()
        }
    }

    @Test func `the head with its norm and cross entropy`() throws {
        let (memory, weights) = (Memory(), try Self.weights.get())
        // More tokens than rows of logits are computed at a time, some of them not learned.
        let count = 420
        var batch = TokenBatch()
        batch.append((0..<count).map { Int32($0 * 7 % 97) }, isLearned: (0..<count).map { $0 % 3 != 1 })
        let model = try Transformer(
            weights, updates: Array(repeating: [[], [], [], []], count: 2), tokens: count, segmentLength: count)
        #expect(model.buffers.logits.rows < batch.learnedCount)
        let stream = model.buffers.stream[2]
        memory.randomize(stream)
        _ = model.headLosses(batch, gradientWeight: 0.3)
        let gradient = model.buffers.gradient.elements
        for part in [0..<3, 384..<387] {
            expectGradient(
                of: stream.rows(part), Array(gradient[part.lowerBound * 32..<part.upperBound * 32])
            ) {
                model.headLosses(batch, gradientWeight: nil).reduce(0, +) * 0.3
            }
        }
    }
}
