public import Adapters
public import ByteCoding
public import Integrity

/// An operation that recipes can use; the registry knows what it gives, not how.
public protocol RecipeOperation: Sendable {
    /// What recipes and provenance records call it.
    var name: String { get }

    /// Checks the options and says what will be done.
    ///
    /// - Parameters:
    ///   - options: the options, by the names of the command's options in camel case or with dashes.
    ///   - weights: the inputs' weights, nil where none is given.
    /// - Throws: what is wrong with the options, as the command would.
    func plan(_ options: [String: MetadataValue], weights: [Double?]) throws -> OperationPlan

    /// The options that give a recorded result again.
    ///
    /// - Parameter recorded: the options of a provenance record. What records of earlier versions do not name may mean
    ///   something else there than in a recipe.
    func options(recorded: [String: MetadataValue]) -> [String: MetadataValue]
}

extension RecipeOperation {
    /// The recorded options, as they are.
    public func options(recorded: [String: MetadataValue]) -> [String: MetadataValue] { recorded }
}

/// What an operation will do.
public struct OperationPlan: Sendable {
    /// Everything that decides the result besides the inputs and their weights, for the provenance record.
    public var settings: [String: MetadataValue]
    /// The inputs' weights for the provenance record; nil where weights have no meaning.
    public var weights: [Double?]
    /// Computes the result.
    public var run: @Sendable (_ inputs: [OperationInput]) throws -> OperationResult

    /// Creates a plan.
    public init(
        settings: [String: MetadataValue], weights: [Double?],
        run: @escaping @Sendable (_ inputs: [OperationInput]) throws -> OperationResult
    ) {
        self.settings = settings
        self.weights = weights
        self.run = run
    }
}

/// An adapter that goes into an operation.
public struct OperationInput: Sendable {
    /// The adapter.
    public let adapter: Adapter
    /// Its weight; nil where weights have no meaning.
    public let weight: Double?
    /// What messages call it.
    public let label: String
    /// Its identity, by which operations that draw random numbers key them.
    public let contentRoot: Digest
}

/// An adapter that came out of an operation.
public struct OperationResult: Sendable {
    /// The adapter; its tensors may be computed when they are read.
    public var adapter: Adapter
    /// What was lost; asked once all tensors have been read.
    public var certificate: @Sendable () throws -> ErrorCertificate?

    /// Creates a result.
    public init(adapter: Adapter, certificate: @escaping @Sendable () throws -> ErrorCertificate?) {
        self.adapter = adapter
        self.certificate = certificate
    }
}

/// The operations that a program offers to recipes.
public struct RecipeOperations: Sendable {
    private let operations: [String: any RecipeOperation]
    /// The version of the program, which is part of every recipe: another one may round differently.
    public let toolVersion: String

    /// Collects operations; the last of several with one name counts.
    public init(_ operations: [any RecipeOperation], toolVersion: String) {
        self.operations = Dictionary(operations.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        self.toolVersion = toolVersion
    }

    /// Whether there is an operation of a name.
    func has(_ name: String) -> Bool { operations[name] != nil }

    /// The options that give a recorded result again; as they are recorded where the operation is not known.
    func options(of provenance: Provenance) -> [String: MetadataValue] {
        operations[provenance.operation]?.options(recorded: provenance.options) ?? provenance.options
    }

    /// The step that computes a recorded result again, from the recorded parents.
    func step(of provenance: Provenance) -> Recipe.Step {
        Recipe.Step(
            operation: provenance.operation,
            inputs: provenance.inputs.map { Recipe.Input(.digest($0.digest), weight: $0.weight) },
            options: options(of: provenance))
    }

    /// The operation of a name.
    ///
    /// - Throws: ``RegistryError`` with code `invalidRecipe`.
    func operation(_ name: String) throws(RegistryError) -> any RecipeOperation {
        guard let operation = operations[name] else {
            throw Recipe.invalid(
                "there is no operation '\(name.prefix(80))'. Known are \(operations.keys.sorted().joined(separator: ", "))."
            )
        }
        return operation
    }
}
