package import Tensors

/// A number type in which a model can be computed: `Float`, or `Double` where tests check derivatives.
///
/// The model is written once over these operations. All loops over elements are in here, so the rest need not be
/// specialised to be fast. Views given for results may be those of arguments only where it says so.
package protocol ComputeElement: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// c = alpha · op(a) · op(b) + beta · c, where op transposes when asked to.
    static func multiply(
        _ alpha: Self, _ a: MatrixView<Self>, transposed aTransposed: Bool, _ b: MatrixView<Self>,
        transposed bTransposed: Bool, adding beta: Self, to c: MatrixView<Self>)
    /// Writes stored elements, which are f32, bf16 or f16, as a row of numbers.
    static func widen(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, into target: UnsafeMutablePointer<Self>)
    /// Writes elements rounded to bfloat16, as their bits.
    static func round(_ x: MatrixView<Self>, into target: MatrixView<UInt16>)
    /// Whether ``multiplyRounded(_:packed:inner:adding:to:)`` exists on this processor.
    static var multipliesRounded: Bool { get }
    /// Packs a part of a bfloat16 matrix for products: `transposed` where the part's columns are the inner extent.
    static func pack(
        _ bits: UnsafePointer<UInt16>, stride: Int, outer: Int, inner: Int, transposed: Bool,
        into packed: MatrixView<Self>)
    /// c = a · packed, or c += when asked to, with sums wider than the factors; `inner` is even.
    static func multiplyRounded(
        _ a: MatrixView<UInt16>, packed: MatrixView<Self>, inner: Int, adding: Bool, to c: MatrixView<Self>)
    /// Each row of y = the row of x / √(mean x² + ε) · gain. May be done in place.
    static func normalize(_ x: MatrixView<Self>, gain: MatrixView<Self>, epsilon: Self, into y: MatrixView<Self>)
    /// Adds to dx what the gradient dy of ``normalize(_:gain:epsilon:into:)``'s result means for x.
    static func addNormalizeGradient(
        _ dy: MatrixView<Self>, _ x: MatrixView<Self>, gain: MatrixView<Self>, epsilon: Self, to dx: MatrixView<Self>)
    /// Rotates row t's pairs (x[i], x[i + half]) by the angles of table row `positions[t]`, or by their negatives.
    static func rotate(
        _ x: MatrixView<Self>, cosine: MatrixView<Self>, sine: MatrixView<Self>, positions: ArraySlice<Int32>,
        inverse: Bool)
    /// target = gate · sigmoid(gate) · up.
    static func swiGLU(gate: MatrixView<Self>, up: MatrixView<Self>, into target: MatrixView<Self>)
    /// The gradients of gate and up, which may replace these.
    static func swiGLUGradient(
        _ gradient: MatrixView<Self>, gate: MatrixView<Self>, up: MatrixView<Self>, gateGradient: MatrixView<Self>,
        upGradient: MatrixView<Self>)
    /// Replaces the first `firstCount` + row scores of each row by softmax(scale · score) and the rest by 0; writes
    /// log Σ exp(scale · score) to the rows of `logSum`, a column.
    static func softmax(
        _ scores: MatrixView<Self>, firstCount: Int, scale: Self, logSum: MatrixView<Self>)
    /// Scores become the weights p, and their gradient that of scale · score, p · (gradient − mean).
    static func softmaxGradient(
        _ scores: MatrixView<Self>, _ gradient: MatrixView<Self>, firstCount: Int, scale: Self,
        logSum: MatrixView<Self>, mean: MatrixView<Self>)
    /// The cross entropy of each row's target; the rows become weight · (softmax − one-hot) when asked to.
    static func crossEntropy(
        _ logits: MatrixView<Self>, targets: ArraySlice<Int32>, gradientWeight: Self?, into losses: inout [Double])
    /// Σ x · y over all elements.
    static func dot(_ x: MatrixView<Self>, _ y: MatrixView<Self>) -> Double
    /// y += scale · x.
    static func add(_ x: MatrixView<Self>, scale: Self, to y: MatrixView<Self>)
    /// Each column of y = that of x · its factor, or += when asked to; `factors` has one row.
    static func scaleColumns(
        _ x: MatrixView<Self>, by factors: MatrixView<Self>, adding: Bool, to y: MatrixView<Self>)
    /// Adds to each of `sums`, a row, the product of a column of x and that of y.
    static func addColumnProducts(_ x: MatrixView<Self>, _ y: MatrixView<Self>, to sums: MatrixView<Self>)
    /// target = x with each element dropped with a probability, else divided by 1 − probability. What is dropped follows
    /// from the key and the element's place; x and target have one row. May be done in place.
    static func drop(_ x: MatrixView<Self>, probability: Double, key: UInt64, into target: MatrixView<Self>)
    /// One AdamW step on matrices of one row.
    static func adamW(
        _ parameter: MatrixView<Self>, gradient: MatrixView<Self>, first: MatrixView<Self>, second: MatrixView<Self>,
        _ constants: AdamWConstants)
}

/// The constants of one AdamW step.
package struct AdamWConstants: Sendable, Hashable {
    /// The factor that clips gradients.
    package var gradientScale: Double
    package var beta1: Double
    package var beta2: Double
    /// 1 − learning rate · weight decay.
    package var decay: Double
    /// Learning rate / (1 − β₁ᵗ).
    package var stepSize: Double
    /// √(1 − β₂ᵗ).
    package var secondCorrection: Double
    package var epsilon: Double

    package init(
        gradientScale: Double, beta1: Double, beta2: Double, decay: Double, stepSize: Double, secondCorrection: Double,
        epsilon: Double
    ) {
        self.gradientScale = gradientScale
        self.beta1 = beta1
        self.beta2 = beta2
        self.decay = decay
        self.stepSize = stepSize
        self.secondCorrection = secondCorrection
        self.epsilon = epsilon
    }
}
