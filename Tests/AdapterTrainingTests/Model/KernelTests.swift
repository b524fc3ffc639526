import AdapterTesting
import AdapterTraining
import Testing

/// The kernels in binary32 against their scalar twins in binary64, and the twins' gradients against central
/// differences.
@Suite struct KernelTests {
    /// The same matrix in both number types.
    private struct Pair {
        let single: MatrixView<Float>
        let double: MatrixView<Double>

        /// The largest difference, in units of the largest element.
        var difference: Double {
            ModelSupport.largestDifference(single.elements.map { Double($0) }, double.elements)
        }
    }

    /// Matrices of random elements with gaps between their rows.
    private final class Memory {
        private var singles: [Arena<Float>] = []
        private var doubles: [Arena<Double>] = []
        private var generator: SeededGenerator

        init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

        func matrix(_ rows: Int, _ columns: Int, scale: Double = 1) throws -> Pair {
            var single: MatrixView<Float>?
            var double: MatrixView<Double>?
            singles.append(try Arena({ $0.matrix(rows, columns + 3) }, result: &single))
            doubles.append(try Arena({ $0.matrix(rows, columns + 3) }, result: &double))
            let pair = Pair(
                single: try #require(single).columns(0..<columns), double: try #require(double).columns(0..<columns))
            for row in 0..<rows {
                for column in 0..<columns {
                    let value = Float(generator.normal() * scale)
                    pair.single[row, column] = value
                    pair.double[row, column] = Double(value)
                }
            }
            return pair
        }
    }

    /// Odd sizes, whole lanes, more than a block of sums.
    static let sizes = [2, 16, 34, 576, 1030]

    @Test(arguments: sizes) func `norm and its gradient`(_ size: Int) throws {
        let memory = Memory(seed: 1)
        let (x, gain, y) = (try memory.matrix(3, size), try memory.matrix(1, size), try memory.matrix(3, size))
        let (dy, dx) = (try memory.matrix(3, size), try memory.matrix(3, size))
        Float.normalize(x.single, gain: gain.single, epsilon: 1e-5, into: y.single)
        Double.normalize(x.double, gain: gain.double, epsilon: 1e-5, into: y.double)
        #expect(y.difference < 1e-6)
        Float.addNormalizeGradient(dy.single, x.single, gain: gain.single, epsilon: 1e-5, to: dx.single)
        Double.addNormalizeGradient(dy.double, x.double, gain: gain.double, epsilon: 1e-5, to: dx.double)
        #expect(dx.difference < 1e-6)

        dx.double.fill(0)
        Double.addNormalizeGradient(dy.double, x.double, gain: gain.double, epsilon: 1e-5, to: dx.double)
        try expectGradient(of: x.double, dx.double) {
            Double.normalize(x.double, gain: gain.double, epsilon: 1e-5, into: y.double)
            return Double.dot(y.double, dy.double)
        }
    }

    @Test(arguments: sizes) func `SwiGLU and its gradient`(_ size: Int) throws {
        let memory = Memory(seed: 2)
        let (gate, up) = (try memory.matrix(2, size, scale: 12), try memory.matrix(2, size))
        let (y, dy) = (try memory.matrix(2, size), try memory.matrix(2, size))
        let (dGate, dUp) = (try memory.matrix(2, size), try memory.matrix(2, size))
        Float.swiGLU(gate: gate.single, up: up.single, into: y.single)
        Double.swiGLU(gate: gate.double, up: up.double, into: y.double)
        #expect(y.difference < 1e-6)
        Float.swiGLUGradient(
            dy.single, gate: gate.single, up: up.single, gateGradient: dGate.single, upGradient: dUp.single)
        Double.swiGLUGradient(
            dy.double, gate: gate.double, up: up.double, gateGradient: dGate.double, upGradient: dUp.double)
        #expect(dGate.difference < 1e-6)
        #expect(dUp.difference < 1e-6)
        for (x, dx) in [(gate, dGate), (up, dUp)] {
            try expectGradient(of: x.double, dx.double) {
                Double.swiGLU(gate: gate.double, up: up.double, into: y.double)
                return Double.dot(y.double, dy.double)
            }
        }
    }

    @Test(arguments: sizes) func `softmax and its gradient`(_ size: Int) throws {
        let memory = Memory(seed: 3)
        let (scores, weights, sums) = (
            try memory.matrix(2, size, scale: 20), try memory.matrix(2, size), try memory.matrix(2, 1)
        )
        let (dy, dx, mean) = (try memory.matrix(2, size), try memory.matrix(2, size), try memory.matrix(2, 1))
        func forward() -> Double {
            weights.double.copy(scores.double)
            Double.softmax(weights.double, firstCount: size - 1, scale: 0.3, logSum: sums.double)
            return Double.dot(weights.double, dy.double)
        }
        weights.single.copy(scores.single)
        Float.softmax(weights.single, firstCount: size - 1, scale: 0.3, logSum: sums.single)
        _ = forward()
        #expect(weights.difference < 1e-6)
        #expect(sums.difference < 1e-6)
        for row in 0..<2 {
            mean.double[row, 0] = Double.dot(
                dy.double.rows(row..<row + 1), weights.double.rows(row..<row + 1))
            mean.single[row, 0] = Float(mean.double[row, 0])
        }
        weights.single.copy(scores.single)
        weights.double.copy(scores.double)
        dx.single.copy(dy.single)
        dx.double.copy(dy.double)
        Float.softmaxGradient(
            weights.single, dx.single, firstCount: size - 1, scale: 0.3, logSum: sums.single, mean: mean.single)
        Double.softmaxGradient(
            weights.double, dx.double, firstCount: size - 1, scale: 0.3, logSum: sums.double, mean: mean.double)
        #expect(dx.difference < 3e-6)
        try expectGradient(of: scores.double, dx.double, factor: 0.3, forward)
    }

    @Test(arguments: sizes) func `cross entropy and its gradient`(_ size: Int) throws {
        let memory = Memory(seed: 4)
        let (logits, dx) = (try memory.matrix(2, size, scale: 5), try memory.matrix(2, size))
        let targets = [Int32(size - 1), 1][...]
        func forward() -> Double {
            var losses: [Double] = []
            Double.crossEntropy(logits.double, targets: targets, gradientWeight: nil, into: &losses)
            return losses.reduce(0, +) * 0.25
        }
        var (single, double, alone): ([Double], [Double], [Double]) = ([], [], [])
        dx.single.copy(logits.single)
        dx.double.copy(logits.double)
        Float.crossEntropy(logits.single, targets: targets, gradientWeight: nil, into: &alone)
        Float.crossEntropy(dx.single, targets: targets, gradientWeight: 0.25, into: &single)
        Double.crossEntropy(dx.double, targets: targets, gradientWeight: 0.25, into: &double)
        #expect(ModelSupport.largestDifference(single, double) < 1e-6)
        #expect(alone == single)
        #expect(dx.difference < 1e-6)
        try expectGradient(of: logits.double, dx.double, forward)
    }

    @Test(arguments: sizes) func `rotation`(_ size: Int) throws {
        let memory = Memory(seed: 5)
        let (x, original) = (try memory.matrix(3, 2 * size), try memory.matrix(3, 2 * size))
        let (c, s) = (try memory.matrix(9, size / 2), try memory.matrix(9, size / 2))
        for row in 0..<9 {
            for column in 0..<size / 2 {
                c.double[row, column] = cosine(row, column)
                s.double[row, column] = sine(row, column)
                c.single[row, column] = Float(c.double[row, column])
                s.single[row, column] = Float(s.double[row, column])
            }
        }
        original.double.copy(x.double)
        Float.rotate(x.single, cosine: c.single, sine: s.single, positions: [0, 8, 3], inverse: false)
        Double.rotate(x.double, cosine: c.double, sine: s.double, positions: [0, 8, 3], inverse: false)
        #expect(x.difference < 1e-6)
        Double.rotate(x.double, cosine: c.double, sine: s.double, positions: [0, 8, 3], inverse: true)
        #expect(ModelSupport.largestDifference(x.double.elements, original.double.elements) < 1e-12)
    }

    private func cosine(_ row: Int, _ column: Int) -> Double {
        (1 - sine(row, column) * sine(row, column)).squareRoot()
    }
    private func sine(_ row: Int, _ column: Int) -> Double { Double((row * 7 + column * 3) % 10) / 10 }

    @Test(arguments: sizes) func `dropout and its optimizer`(_ size: Int) throws {
        let memory = Memory(seed: 6)
        let (x, y) = (try memory.matrix(1, size), try memory.matrix(1, size))
        Float.drop(x.single, probability: 0.25, key: 0x1234_5678_9ABC_DEF0, into: y.single)
        Double.drop(x.double, probability: 0.25, key: 0x1234_5678_9ABC_DEF0, into: y.double)
        #expect(zip(y.single.elements, y.double.elements).allSatisfy { abs(Double($0) - $1) <= 1e-6 * abs($1) })
        if size > 500 {
            let dropped = Double(y.double.elements.count { $0 == 0 }) / Double(size)
            #expect(abs(dropped - 0.25) < 0.06)
        }

        let (p, g) = (try memory.matrix(1, size), try memory.matrix(1, size))
        let (m, v) = (try memory.matrix(1, size, scale: 0), try memory.matrix(1, size, scale: 0))
        for step in 1...3 {
            let constants = AdamWConstants(
                gradientScale: 0.5, beta1: 0.9, beta2: 0.99, decay: 0.999, stepSize: 0.01 * Double(step),
                secondCorrection: 0.3, epsilon: 1e-8)
            Float.adamW(p.single, gradient: g.single, first: m.single, second: v.single, constants)
            Double.adamW(p.double, gradient: g.double, first: m.double, second: v.double, constants)
        }
        #expect(p.difference < 1e-6)
        #expect(m.difference < 1e-6)
        #expect(v.difference < 1e-6)
    }

    @Test func `products and sums`() throws {
        let memory = Memory(seed: 7)
        let (a, b, c) = (try memory.matrix(7, 33), try memory.matrix(33, 19), try memory.matrix(7, 19))
        Float.multiply(0.5, a.single, transposed: false, b.single, transposed: false, adding: 2, to: c.single)
        Double.multiply(0.5, a.double, transposed: false, b.double, transposed: false, adding: 2, to: c.double)
        #expect(c.difference < 1e-6)
        let (at, bt) = (try memory.matrix(33, 7), try memory.matrix(19, 33))
        Float.multiply(1, at.single, transposed: true, bt.single, transposed: true, adding: 0, to: c.single)
        Double.multiply(1, at.double, transposed: true, bt.double, transposed: true, adding: 0, to: c.double)
        #expect(c.difference < 1e-6)
        #expect(abs(Float.dot(a.single, a.single) - Double.dot(a.double, a.double)) < 1e-4)
        Float.add(a.single, scale: 3, to: a.single)
        Double.add(a.double, scale: 3, to: a.double)
        #expect(a.difference < 1e-6)
    }

    @Test(
        .enabled(if: Float.multipliesRounded, "the processor has no bf16 products"),
        arguments: [(3, 2), (16, 34), (29, 600), (64, 1030)])
    func `products of rounded factors`(_ rows: Int, _ inner: Int) throws {
        let memory = Memory(seed: 9)
        for (outer, transposed) in [(5, true), (32, false), (70, true), (45, false)] {
            let (a, c) = (try memory.matrix(rows, inner), try memory.matrix(rows, outer))
            let weight = try memory.matrix(transposed ? outer : inner, transposed ? inner : outer)
            let packed = try memory.matrix(1, (outer + 31) / 32 * 32 * inner)
            var views: (MatrixView<UInt16>, MatrixView<UInt16>)?
            let arena = try Arena<UInt16>(
                { ($0.matrix(rows, inner), $0.matrix(weight.single.rows, weight.single.columns)) }, result: &views)
            try withExtendedLifetime(arena) {
                let (left, right) = try #require(views)
                Float.round(a.single, into: left)
                let bits = left.elements
                Double.round(a.double, into: left)
                #expect(bits == left.elements)
                Float.round(weight.single, into: right)
                for adding in [false, true] {
                    Float.pack(
                        right.base, stride: right.stride, outer: outer, inner: inner, transposed: transposed,
                        into: packed.single)
                    Float.multiplyRounded(left, packed: packed.single, inner: inner, adding: adding, to: c.single)
                    Double.pack(
                        right.base, stride: right.stride, outer: outer, inner: inner, transposed: transposed,
                        into: packed.double)
                    Double.multiplyRounded(left, packed: packed.double, inner: inner, adding: adding, to: c.double)
                    #expect(c.difference < 2e-6)
                }
            }
        }
    }

    @Test func `rounding keeps what is not a number`() throws {
        let memory = Memory(seed: 10)
        let x = try memory.matrix(1, 4)
        for (column, value) in [Float.nan, .infinity, 1.00390625, 1.01171875].enumerated() {
            x.single[0, column] = value
        }
        var bits: MatrixView<UInt16>?
        let arena = try Arena<UInt16>({ $0.matrix(1, 4) }, result: &bits)
        try withExtendedLifetime(arena) {
            let bits = try #require(bits)
            Float.round(x.single, into: bits)
            // Ties go to the even neighbour: down, then up.
            #expect(bits.elements == [0x7FC0, 0x7F80, 0x3F80, 0x3F82])
        }
    }

    @Test func `what is not a number stays visible`() throws {
        let memory = Memory(seed: 8)
        let (x, sums) = (try memory.matrix(1, 40), try memory.matrix(1, 1))
        x.single[0, 17] = .nan
        Float.softmax(x.single, firstCount: 40, scale: 1, logSum: sums.single)
        #expect(sums.single[0, 0].isNaN)
        let logits = try memory.matrix(1, 40)
        logits.single[0, 3] = .infinity
        var losses: [Double] = []
        Float.crossEntropy(logits.single, targets: [5], gradientWeight: 1, into: &losses)
        #expect(!losses[0].isFinite)
    }

    /// Compares some elements of a gradient with differences of `value` as x changes.
    private func expectGradient(
        of x: MatrixView<Double>, _ gradient: MatrixView<Double>, factor: Double = 1, _ value: () -> Double
    ) throws {
        for row in 0..<x.rows {
            for column in stride(from: 0, to: x.columns, by: max(1, x.columns / 7)) {
                let (original, step) = (x[row, column], 1e-5)
                x[row, column] = original + step
                let above = value()
                x[row, column] = original - step
                let below = value()
                x[row, column] = original
                #expect(abs((above - below) / (2 * step) - factor * gradient[row, column]) < 1e-7)
            }
        }
    }
}
