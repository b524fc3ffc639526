internal import CNumericKernels
internal import LinearAlgebra
package import Tensors

extension Float: ComputeElement {
    package static func multiply(
        _ alpha: Float, _ a: MatrixView<Float>, transposed aTransposed: Bool, _ b: MatrixView<Float>,
        transposed bTransposed: Bool, adding beta: Float, to c: MatrixView<Float>
    ) {
        let (m, k) = aTransposed ? (a.columns, a.rows) : (a.rows, a.columns)
        let (inner, n) = bTransposed ? (b.columns, b.rows) : (b.rows, b.columns)
        precondition(m == c.rows && n == c.columns && k == inner, "the matrices do not fit each other")
        guard m > 0, n > 0 else { return }
        unsafe SinglePrecision.multiply(
            m: m, n: n, k: k, alpha: alpha, a.base, stride: a.stride, transposed: aTransposed, b.base, stride: b.stride,
            transposed: bTransposed, beta: beta, c.base, stride: c.stride)
    }

    package static func widen(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, into target: UnsafeMutablePointer<Float>)
    {
        let count = bytes.count / dtype.byteCount
        unsafe Widening.floats(bytes, dtype, into: UnsafeMutableBufferPointer(start: target, count: count))
    }

    package static func round(_ x: MatrixView<Float>, into target: MatrixView<UInt16>) {
        precondition(x.rows == target.rows && x.columns == target.columns, "the matrices do not fit each other")
        // What overflows becomes infinite, and the loss says so.
        for row in 0..<x.rows { _ = unsafe cnk_narrow_bf16(x.row(row), target.row(row), x.columns) }
    }

    package static let multipliesRounded = cnk_has_bf16_products() != 0

    package static func pack(
        _ bits: UnsafePointer<UInt16>, stride: Int, outer: Int, inner: Int, transposed: Bool,
        into packed: MatrixView<Float>
    ) {
        // Half a word an element, filled up to whole strips.
        precondition(packed.columns * 2 >= (outer + 31) / 32 * 32 * inner, "the panel does not fit")
        unsafe packed.row(0).withMemoryRebound(to: UInt16.self, capacity: 2 * packed.columns) { target in
            if transposed {
                unsafe cnk_pack_bf16_transposed(bits, stride, outer, inner, target)
            } else {
                unsafe cnk_pack_bf16(bits, stride, outer, inner, target)
            }
        }
    }

    package static func multiplyRounded(
        _ a: MatrixView<UInt16>, packed: MatrixView<Float>, inner: Int, adding: Bool, to c: MatrixView<Float>
    ) {
        precondition(a.rows == c.rows && a.columns == inner && inner % 2 == 0, "the matrices do not fit each other")
        unsafe packed.row(0).withMemoryRebound(to: UInt16.self, capacity: 2 * packed.columns) { packed in
            unsafe cnk_multiply_bf16(
                a.base, a.stride, a.rows, packed, c.columns, inner, adding ? 1 : 0, c.base, c.stride)
        }
    }

    package static func normalize(
        _ x: MatrixView<Float>, gain: MatrixView<Float>, epsilon: Float, into y: MatrixView<Float>
    ) {
        precondition(gain.columns == x.columns && y.columns == x.columns, "the matrices do not fit each other")
        for row in 0..<x.rows { unsafe cnk_rms_norm(x.row(row), gain.row(0), x.columns, epsilon, y.row(row)) }
    }

    package static func addNormalizeGradient(
        _ dy: MatrixView<Float>, _ x: MatrixView<Float>, gain: MatrixView<Float>, epsilon: Float,
        to dx: MatrixView<Float>
    ) {
        precondition(
            gain.columns == x.columns && dy.columns == x.columns && dx.columns == x.columns,
            "the matrices do not fit each other")
        for row in 0..<x.rows {
            unsafe cnk_rms_norm_backward(dy.row(row), x.row(row), gain.row(0), x.columns, epsilon, dx.row(row))
        }
    }

    package static func rotate(
        _ x: MatrixView<Float>, cosine: MatrixView<Float>, sine: MatrixView<Float>, positions: ArraySlice<Int32>,
        inverse: Bool
    ) {
        let half = cosine.columns
        precondition(x.columns % (2 * half) == 0 && positions.count == x.rows, "the matrices do not fit each other")
        for (row, position) in positions.enumerated() {
            for head in Swift.stride(from: 0, to: x.columns, by: 2 * half) {
                unsafe cnk_rotate(
                    x.row(row) + head, cosine.row(Int(position)), sine.row(Int(position)), half, inverse ? -1 : 1)
            }
        }
    }

    package static func swiGLU(gate: MatrixView<Float>, up: MatrixView<Float>, into target: MatrixView<Float>) {
        precondition(gate.columns == up.columns && target.columns == up.columns, "the matrices do not fit each other")
        for row in 0..<gate.rows { unsafe cnk_swiglu(gate.row(row), up.row(row), gate.columns, target.row(row)) }
    }

    package static func swiGLUGradient(
        _ gradient: MatrixView<Float>, gate: MatrixView<Float>, up: MatrixView<Float>, gateGradient: MatrixView<Float>,
        upGradient: MatrixView<Float>
    ) {
        precondition(
            [up.columns, gradient.columns, gateGradient.columns, upGradient.columns].allSatisfy { $0 == gate.columns },
            "the matrices do not fit each other")
        for row in 0..<gate.rows {
            unsafe cnk_swiglu_backward(
                gradient.row(row), gate.row(row), up.row(row), gate.columns, gateGradient.row(row), upGradient.row(row))
        }
    }

    package static func softmax(
        _ scores: MatrixView<Float>, firstCount: Int, scale: Float, logSum: MatrixView<Float>
    ) {
        precondition(firstCount + scores.rows - 1 <= scores.columns, "the rows are too short")
        for row in 0..<scores.rows {
            logSum[row, 0] = unsafe cnk_softmax(scores.row(row), firstCount + row, scores.columns, scale)
        }
    }

    package static func softmaxGradient(
        _ scores: MatrixView<Float>, _ gradient: MatrixView<Float>, firstCount: Int, scale: Float,
        logSum: MatrixView<Float>, mean: MatrixView<Float>
    ) {
        precondition(
            firstCount + scores.rows - 1 <= scores.columns && gradient.columns == scores.columns,
            "the matrices do not fit each other")
        for row in 0..<scores.rows {
            unsafe cnk_softmax_backward(
                scores.row(row), gradient.row(row), firstCount + row, scores.columns, scale, logSum[row, 0],
                mean[row, 0])
        }
    }

    package static func crossEntropy(
        _ logits: MatrixView<Float>, targets: ArraySlice<Int32>, gradientWeight: Float?, into losses: inout [Double]
    ) {
        precondition(targets.count == logits.rows, "every row has a target")
        for (row, target) in targets.enumerated() {
            precondition(target >= 0 && target < logits.columns, "the target is outside the vocabulary")
            let loss =
                if let gradientWeight {
                    unsafe cnk_cross_entropy(logits.row(row), logits.columns, Int(target), gradientWeight)
                } else {
                    unsafe cnk_cross_entropy_loss(logits.row(row), logits.columns, Int(target))
                }
            losses.append(loss)
        }
    }

    package static func dot(_ x: MatrixView<Float>, _ y: MatrixView<Float>) -> Double {
        precondition(x.rows == y.rows && x.columns == y.columns, "the matrices do not fit each other")
        return (0..<x.rows).reduce(0) { unsafe $0 + cnk_dot(x.row($1), y.row($1), x.columns) }
    }

    package static func add(_ x: MatrixView<Float>, scale: Float, to y: MatrixView<Float>) {
        precondition(x.rows == y.rows && x.columns == y.columns, "the matrices do not fit each other")
        for row in 0..<x.rows { unsafe cnk_add(x.row(row), scale, y.row(row), x.columns) }
    }

    package static func scaleColumns(
        _ x: MatrixView<Float>, by factors: MatrixView<Float>, adding: Bool, to y: MatrixView<Float>
    ) {
        precondition(
            x.rows == y.rows && x.columns == y.columns && factors.columns == x.columns,
            "the matrices do not fit each other")
        for row in 0..<x.rows {
            unsafe cnk_multiply_elements(x.row(row), factors.row(0), adding ? 1 : 0, y.row(row), x.columns)
        }
    }

    package static func addColumnProducts(
        _ x: MatrixView<Float>, _ y: MatrixView<Float>, to sums: MatrixView<Float>
    ) {
        precondition(
            x.rows == y.rows && x.columns == y.columns && sums.columns == x.columns,
            "the matrices do not fit each other")
        for row in 0..<x.rows { unsafe cnk_multiply_elements(x.row(row), y.row(row), 1, sums.row(0), x.columns) }
    }

    package static func drop(
        _ x: MatrixView<Float>, probability: Double, key: UInt64, into target: MatrixView<Float>
    ) {
        precondition(x.rows == 1 && target.columns == x.columns, "the matrices do not fit each other")
        unsafe cnk_drop(
            x.row(0), x.columns, UInt32(probability * 0x1p32), key, Float(1 / (1 - probability)), target.row(0))
    }

    package static func adamW(
        _ parameter: MatrixView<Float>, gradient: MatrixView<Float>, first: MatrixView<Float>,
        second: MatrixView<Float>, _ constants: AdamWConstants
    ) {
        precondition(
            [gradient, first, second].allSatisfy { $0.rows == 1 && $0.columns == parameter.columns },
            "the matrices do not fit each other")
        var values = cnk_adamw_constants(
            gradient_scale: Float(constants.gradientScale), beta1: Float(constants.beta1),
            beta2: Float(constants.beta2),
            decay: Float(constants.decay), step_size: Float(constants.stepSize),
            second_correction: Float(constants.secondCorrection), epsilon: Float(constants.epsilon))
        unsafe cnk_adamw(
            parameter.row(0), gradient.row(0), first.row(0), second.row(0), parameter.columns, &values)
    }
}
