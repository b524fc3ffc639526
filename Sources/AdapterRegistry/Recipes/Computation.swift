import Adapters
import Integrity

/// One step with its inputs resolved: everything that decides the result.
struct Computation {
    private let inputs: [(stored: StoredAdapter, label: String)]
    private let plan: OperationPlan
    /// The record that the result will carry, without the certificate.
    let provenance: Provenance

    /// Plans a step.
    ///
    /// - Parameter resolve: what an input stands for.
    init(
        _ step: Recipe.Step, operations: RecipeOperations, resolve: (Recipe.Input) throws -> StoredAdapter?
    ) throws {
        inputs = try step.inputs.map { input in
            guard let stored = try resolve(input) else {
                throw Recipe.invalid("the input '\(input.label)' stands for nothing.")
            }
            return (stored, input.label)
        }
        plan = try operations.operation(step.operation).plan(step.options, weights: step.inputs.map(\.weight))
        guard plan.weights.count == inputs.count else {
            throw Recipe.invalid(
                "the operation '\(step.operation)' takes \(plan.weights.count) inputs, \(inputs.count) are given.")
        }
        provenance = Provenance(
            operation: step.operation, toolVersion: operations.toolVersion,
            parents: zip(inputs, plan.weights).map { input, weight in
                Provenance.Parent(digest: input.stored.digest, contentRoot: input.stored.contentRoot, weight: weight)
            }, options: plan.settings)
    }

    /// Computes the result.
    func run(open: (StoredAdapter) throws -> Adapter) throws -> OperationResult {
        try plan.run(
            zip(inputs, plan.weights).map { input, weight in
                OperationInput(
                    adapter: try open(input.stored), weight: weight, label: input.label,
                    contentRoot: input.stored.contentRoot)
            })
    }
}
