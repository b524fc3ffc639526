/// Looks at what goes through the linear layers of a model.
package protocol LayerProbe<Element>: AnyObject {
    /// The number type of the model.
    associatedtype Element: ComputeElement
    /// Called with the input of a group of linear layers, forward.
    func input(_ x: MatrixView<Element>, layer: Int, group: Int)
    /// Called with the input of a group and the gradient of its output, backward.
    func gradient(_ dy: MatrixView<Element>, _ x: MatrixView<Element>, layer: Int, group: Int)
}
