import AdapterTraining
import Foundation
import Tensors

/// The scalar twin of the kernels, in binary64: the oracle for them, and what central differences are taken with.
extension Double: ComputeElement {
    static func multiply(
        _ alpha: Double, _ a: MatrixView<Double>, transposed aTransposed: Bool, _ b: MatrixView<Double>,
        transposed bTransposed: Bool, adding beta: Double, to c: MatrixView<Double>
    ) {
        let (m, k) = aTransposed ? (a.columns, a.rows) : (a.rows, a.columns)
        let n = bTransposed ? b.rows : b.columns
        precondition(m == c.rows && n == c.columns && k == (bTransposed ? b.columns : b.rows))
        let (x, y) = (a.base, b.base)
        let (aRow, aColumn) = aTransposed ? (1, a.stride) : (a.stride, 1)
        let (bRow, bColumn) = bTransposed ? (1, b.stride) : (b.stride, 1)
        for row in 0..<m {
            for column in 0..<n {
                var sum = 0.0
                for inner in 0..<k { sum += x[row * aRow + inner * aColumn] * y[inner * bRow + column * bColumn] }
                let target = c.base + row * c.stride + column
                // Like BLAS: what is there counts only when it is asked for.
                target.pointee = alpha * sum + (beta == 0 ? 0 : beta * target.pointee)
            }
        }
    }

    static func widen(
        _ bytes: UnsafeRawBufferPointer, _ dtype: DType, into target: UnsafeMutablePointer<Double>
    ) {
        for (index, value) in Widening.doubles(Array(bytes), dtype).enumerated() { target[index] = value }
    }

    static func round(_ x: MatrixView<Double>, into target: MatrixView<UInt16>) {
        for row in 0..<x.rows {
            for column in 0..<x.columns { target[row, column] = bfloat16(x[row, column]) }
        }
    }

    /// To the nearest, ties to even, of a number that a Float holds.
    private static func bfloat16(_ value: Double) -> UInt16 {
        let bits = Float(value).bitPattern
        return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }

    static let multipliesRounded = true

    /// One element in each place, not two: a row of the inner extent behind the other.
    static func pack(
        _ bits: UnsafePointer<UInt16>, stride: Int, outer: Int, inner: Int, transposed: Bool,
        into packed: MatrixView<Double>
    ) {
        for k in 0..<inner {
            for column in 0..<outer {
                let index = transposed ? column * stride + k : k * stride + column
                packed[0, k * outer + column] = Double(Float(bitPattern: UInt32(bits[index]) << 16))
            }
        }
    }

    static func multiplyRounded(
        _ a: MatrixView<UInt16>, packed: MatrixView<Double>, inner: Int, adding: Bool, to c: MatrixView<Double>
    ) {
        for row in 0..<c.rows {
            for column in 0..<c.columns {
                let sum = (0..<inner).reduce(0.0) { sum, k in
                    sum + Double(Float(bitPattern: UInt32(a[row, k]) << 16)) * packed[0, k * c.columns + column]
                }
                c[row, column] = sum + (adding ? c[row, column] : 0)
            }
        }
    }

    private static func inverseRMS(_ x: MatrixView<Double>, _ row: Int, _ epsilon: Double) -> Double {
        let mean = (0..<x.columns).reduce(0.0) { $0 + x[row, $1] * x[row, $1] } / Double(x.columns)
        return 1 / (mean + epsilon).squareRoot()
    }

    static func normalize(
        _ x: MatrixView<Double>, gain: MatrixView<Double>, epsilon: Double, into y: MatrixView<Double>
    ) {
        for row in 0..<x.rows {
            let r = inverseRMS(x, row, epsilon)
            for column in 0..<x.columns { y[row, column] = x[row, column] * r * gain[0, column] }
        }
    }

    static func addNormalizeGradient(
        _ dy: MatrixView<Double>, _ x: MatrixView<Double>, gain: MatrixView<Double>, epsilon: Double,
        to dx: MatrixView<Double>
    ) {
        for row in 0..<x.rows {
            let r = inverseRMS(x, row, epsilon)
            let dot = (0..<x.columns).reduce(0.0) { $0 + dy[row, $1] * gain[0, $1] * x[row, $1] }
            for column in 0..<x.columns {
                dx[row, column] +=
                    r * gain[0, column] * dy[row, column] - x[row, column] * r * r * r * dot / Double(x.columns)
            }
        }
    }

    static func rotate(
        _ x: MatrixView<Double>, cosine: MatrixView<Double>, sine: MatrixView<Double>, positions: ArraySlice<Int32>,
        inverse: Bool
    ) {
        let half = cosine.columns
        for (row, position) in positions.enumerated() {
            for head in Swift.stride(from: 0, to: x.columns, by: 2 * half) {
                for pair in 0..<half {
                    let (a, b) = (x[row, head + pair], x[row, head + pair + half])
                    let c = cosine[Int(position), pair]
                    let s = inverse ? -sine[Int(position), pair] : sine[Int(position), pair]
                    x[row, head + pair] = a * c - b * s
                    x[row, head + pair + half] = b * c + a * s
                }
            }
        }
    }

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    static func swiGLU(gate: MatrixView<Double>, up: MatrixView<Double>, into target: MatrixView<Double>) {
        for row in 0..<gate.rows {
            for column in 0..<gate.columns {
                target[row, column] = gate[row, column] * sigmoid(gate[row, column]) * up[row, column]
            }
        }
    }

    static func swiGLUGradient(
        _ gradient: MatrixView<Double>, gate: MatrixView<Double>, up: MatrixView<Double>,
        gateGradient: MatrixView<Double>, upGradient: MatrixView<Double>
    ) {
        for row in 0..<gate.rows {
            for column in 0..<gate.columns {
                let (d, g, u) = (gradient[row, column], gate[row, column], up[row, column])
                let s = sigmoid(g)
                gateGradient[row, column] = d * u * s * (1 + g * (1 - s))
                upGradient[row, column] = d * g * s
            }
        }
    }

    static func softmax(
        _ scores: MatrixView<Double>, firstCount: Int, scale: Double, logSum: MatrixView<Double>
    ) {
        for row in 0..<scores.rows {
            let count = firstCount + row
            let largest = (0..<count).map { scores[row, $0] * scale }.max() ?? 0
            let total = (0..<count).reduce(0.0) { $0 + exp(scores[row, $1] * scale - largest) }
            logSum[row, 0] = log(total) + largest
            for column in 0..<scores.columns {
                scores[row, column] = column < count ? exp(scores[row, column] * scale - logSum[row, 0]) : 0
            }
        }
    }

    static func softmaxGradient(
        _ scores: MatrixView<Double>, _ gradient: MatrixView<Double>, firstCount: Int, scale: Double,
        logSum: MatrixView<Double>, mean: MatrixView<Double>
    ) {
        for row in 0..<scores.rows {
            for column in 0..<scores.columns {
                let isSeen = column < firstCount + row
                let weight = isSeen ? exp(scores[row, column] * scale - logSum[row, 0]) : 0
                scores[row, column] = weight
                gradient[row, column] = isSeen ? weight * (gradient[row, column] - mean[row, 0]) : 0
            }
        }
    }

    static func crossEntropy(
        _ logits: MatrixView<Double>, targets: ArraySlice<Int32>, gradientWeight: Double?, into losses: inout [Double]
    ) {
        for (row, target) in targets.enumerated() {
            let largest = (0..<logits.columns).map { logits[row, $0] }.max() ?? 0
            let total = (0..<logits.columns).reduce(0.0) { $0 + exp(logits[row, $1] - largest) }
            losses.append(log(total) + largest - logits[row, Int(target)])
            guard let gradientWeight else { continue }
            for column in 0..<logits.columns {
                let p = exp(logits[row, column] - largest) / total
                logits[row, column] = gradientWeight * (p - (column == Int(target) ? 1 : 0))
            }
        }
    }

    static func dot(_ x: MatrixView<Double>, _ y: MatrixView<Double>) -> Double {
        zip(x.elements, y.elements).reduce(0) { $0 + $1.0 * $1.1 }
    }

    static func add(_ x: MatrixView<Double>, scale: Double, to y: MatrixView<Double>) {
        for row in 0..<x.rows { for column in 0..<x.columns { y[row, column] += scale * x[row, column] } }
    }

    static func scaleColumns(
        _ x: MatrixView<Double>, by factors: MatrixView<Double>, adding: Bool, to y: MatrixView<Double>
    ) {
        for row in 0..<x.rows {
            for column in 0..<x.columns {
                y[row, column] = x[row, column] * factors[0, column] + (adding ? y[row, column] : 0)
            }
        }
    }

    static func addColumnProducts(_ x: MatrixView<Double>, _ y: MatrixView<Double>, to sums: MatrixView<Double>) {
        for row in 0..<x.rows { for column in 0..<x.columns { sums[0, column] += x[row, column] * y[row, column] } }
    }

    static func drop(
        _ x: MatrixView<Double>, probability: Double, key: UInt64, into target: MatrixView<Double>
    ) {
        let (low, high) = (UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
        func round(_ word: UInt32) -> UInt32 {
            var h = word
            h = (h ^ (h >> 16)) &* 0x85EB_CA6B
            h = (h ^ (h >> 13)) &* 0xC2B2_AE35
            return h ^ (h >> 16)
        }
        for column in 0..<x.columns {
            // The kernel's first multiplication takes the word as it is.
            var h = (UInt32(column) &* 0x9E37_79B9) ^ low
            h = round(h) &+ high
            target[0, column] =
                round(h) < UInt32(probability * 0x1p32) ? 0 : x[0, column] / (1 - probability)
        }
    }

    static func adamW(
        _ parameter: MatrixView<Double>, gradient: MatrixView<Double>, first: MatrixView<Double>,
        second: MatrixView<Double>, _ constants: AdamWConstants
    ) {
        for index in 0..<parameter.columns {
            let g = gradient[0, index] * constants.gradientScale
            first[0, index] = constants.beta1 * first[0, index] + (1 - constants.beta1) * g
            second[0, index] = constants.beta2 * second[0, index] + (1 - constants.beta2) * g * g
            let denominator = second[0, index].squareRoot() / constants.secondCorrection + constants.epsilon
            parameter[0, index] =
                parameter[0, index] * constants.decay - constants.stepSize * first[0, index] / denominator
        }
    }
}
