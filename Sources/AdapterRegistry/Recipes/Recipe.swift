public import ByteCoding
public import Integrity

/// A composition: named operations whose inputs are stored adapters or one another's results.
///
/// ```yaml
/// message: support in a softer tone      # optional
/// result: assistant                      # optional with one step that no other uses
/// steps:
///   support: {operation: convert, inputs: [team/support:v1], options: {dtype: f32}}
///   assistant:
///     operation: merge
///     inputs:
///       - {step: support, weight: 0.7}
///       - {adapter: team/tone:v1, weight: 0.3}
///       - operation: interpolate         # nested, without a name
///         inputs: [team/a:v1, team/b:v1]
///         options: {at: 0.25}
///     options: {method: exact, rank: 8}
/// ```
///
/// A document with a single operation needs no `steps`.
public struct Recipe: Hashable, Sendable {
    /// Where an input comes from.
    public enum Source: Hashable, Sendable {
        /// A stored adapter.
        case reference(Reference)
        /// A stored file, whichever repository has it.
        case digest(Digest)
        /// The result of another step.
        case step(String)
    }

    /// One input of a step.
    public struct Input: Hashable, Sendable {
        /// Where it comes from.
        public var source: Source
        /// Its weight; nil where none is given.
        public var weight: Double?

        /// Creates an input.
        public init(_ source: Source, weight: Double? = nil) {
            self.source = source
            self.weight = weight
        }

        /// What messages call it.
        public var label: String {
            switch source {
            case .reference(let reference): reference.description
            case .digest(let digest): digest.description
            case .step(let name): name
            }
        }
    }

    /// One operation.
    public struct Step: Hashable, Sendable {
        /// The operation's name, that of the command: `merge`, `convert`, ….
        public var operation: String
        /// Its inputs, in order.
        public var inputs: [Input]
        /// The command's options by their names, in camel case or with dashes.
        public var options: [String: MetadataValue]

        /// Creates a step.
        public init(operation: String, inputs: [Input], options: [String: MetadataValue] = [:]) {
            self.operation = operation
            self.inputs = inputs
            self.options = options
        }
    }

    /// The steps by name.
    public let steps: [String: Step]
    /// The names of the steps that the result needs, each after those whose results it uses.
    public let order: [String]
    /// The step whose result is the recipe's.
    public let result: String
    /// What the result is, in a sentence.
    public let message: String?

    /// The most steps of a recipe.
    public static let maximumStepCount = 1000

    /// Orders the steps.
    ///
    /// - Throws: ``RegistryError`` with code `invalidRecipe` for a step that does not exist, a step without inputs and a
    ///   cycle, whose steps it names.
    public init(steps: [String: Step], result: String, message: String? = nil) throws(RegistryError) {
        self.steps = steps
        self.result = result
        self.message = message
        order = try Recipe.order(steps, result)
    }

    /// The stored adapters that the result needs, in the order in which the steps use them.
    public var references: [Reference] {
        order.flatMap { steps[$0]?.inputs ?? [] }.compactMap { input in
            if case .reference(let reference) = input.source { reference } else { nil }
        }
    }

    static func invalid(_ reason: String) -> RegistryError {
        RegistryError(.invalidRecipe, "Unable to compose: \(reason)")
    }

    /// Depth first, with a stack of its own: how deep a recipe goes is the author's choice.
    private static func order(_ steps: [String: Step], _ result: String) throws(RegistryError) -> [String] {
        guard steps.count <= maximumStepCount else {
            throw invalid("it has \(steps.count) steps, \(maximumStepCount) are possible.")
        }
        var order: [String] = []
        var done: Set<String> = []
        var path: [(name: String, uses: ArraySlice<String>)] = []
        func enter(_ name: String, from user: String?) throws(RegistryError) {
            guard let step = steps[name] else {
                throw invalid(
                    "there is no step '\(name)'\(user.map { ", which '\($0)' uses" } ?? ", which shall be the result")."
                )
            }
            guard !step.inputs.isEmpty else { throw invalid("the step '\(name)' has no inputs.") }
            let uses = step.inputs.compactMap { if case .step(let name) = $0.source { name } else { nil } }
            path.append((name, uses[...]))
        }
        try enter(result, from: nil)
        while let (name, uses) = path.last {
            guard let next = uses.first else {
                order.append(name)
                done.insert(name)
                path.removeLast()
                continue
            }
            path[path.count - 1].uses = uses.dropFirst()
            guard !done.contains(next) else { continue }
            if let start = path.firstIndex(where: { $0.name == next }) {
                let cycle = path[start...].map(\.name) + [next]
                throw invalid("its steps form a cycle: \(cycle.joined(separator: " → ")).")
            }
            try enter(next, from: name)
        }
        return order
    }
}
