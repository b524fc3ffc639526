import LinearAlgebra
import Tensors

extension ArithmeticError {
    /// Runs the body and says in its errors what was done to which module.
    ///
    /// - Parameters:
    ///   - verb: what the message says could not be done.
    ///   - dtype: the type that values are stored in.
    static func describing<Result>(
        _ verb: String, module: String, overflowRemedy: String, dtype: DType, _ body: () throws -> Result
    ) throws -> Result {
        do {
            return try body()
        } catch let error as TensorError where error.code == .overflow {
            throw ArithmeticError(
                .overflow,
                "Unable to \(verb) the module '\(module)': a value exceeds the range of \(dtype). \(overflowRemedy)",
                module: module)
        } catch let error as LinearAlgebraError where error.code == .nonFinite {
            // Inputs are known to be finite here, so a product has overflowed.
            throw ArithmeticError(
                .overflow,
                "Unable to \(verb) the module '\(module)': a product exceeds the range of binary64. "
                    + "Use smaller weights.", module: module)
        } catch let error as LinearAlgebraError {
            throw ArithmeticError(
                .factorisationFailed, "Unable to \(verb) the module '\(module)': \(error.message)", module: module)
        }
    }
}
