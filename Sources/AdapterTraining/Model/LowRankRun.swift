/// Low-rank updates of linear layers that share an input: their A lie one below the other, so that one product serves
/// all of them.
package struct LowRankRun<Element: ComputeElement>: Sendable {
    /// The update of one layer.
    package struct Part: Sendable {
        /// Which of the group's layers it belongs to.
        package let linear: Int
        /// Its rows of A, its columns of the inner values.
        package let inner: Range<Int>
        /// B, [out, r].
        package let b: MatrixView<Element>
        /// Where its gradient is added up; nil when it is frozen.
        package let bGradient: MatrixView<Element>?
        /// The factor s of s · B · A.
        package let scaling: Element
        /// DoRA's magnitudes; nil for plain LoRA.
        package let magnitude: Magnitude<Element>?
        /// Which of all trained updates it is, for dropout.
        package let number: Int
    }

    /// All A, [r₁ + r₂ + …, in].
    package let a: MatrixView<Element>
    /// Where their gradients are added up; nil when they are frozen.
    package let aGradient: MatrixView<Element>?
    package let parts: [Part]
    /// Where all of it lies, so that it lives as long as the run.
    package let memory: Arena<Element>
}
