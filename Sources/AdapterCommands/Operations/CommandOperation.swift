internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Tensors

/// An operation of recipes that takes the options of a command: what a command learns, recipes can do.
struct CommandOperation<Arguments: ParsableArguments>: RecipeOperation {
    let name: String
    /// The weights that the result records, from those that are given; throws for inputs that do not fit.
    let weights: @Sendable (_ given: [Double?], _ arguments: Arguments) throws -> [Double?]
    /// What the result records of the options.
    let settings: @Sendable (Arguments) -> [String: MetadataValue]
    /// What options stand for that records may leave out, where it is not what recipes mean by leaving them out.
    var unrecorded: [String: MetadataValue] = [:]
    /// What records tell besides options: how something was found.
    var told: Set<String> = []
    let compute: @Sendable (_ inputs: [OperationInput], _ arguments: Arguments) throws -> ComputedAdapter

    func options(recorded: [String: MetadataValue]) -> [String: MetadataValue] {
        recorded.filter { !told.contains($0.key) }.merging(unrecorded) { recorded, _ in recorded }
    }

    func plan(_ options: [String: MetadataValue], weights given: [Double?]) throws -> OperationPlan {
        let words = try OptionWords.arguments(options, of: name)
        let (settings, weights) = try prepared(words, given)
        // Parsed again where it is used: parsed arguments do not travel between threads, their words do.
        return OperationPlan(settings: settings, weights: weights) { inputs in
            let result = try compute(inputs, parsed(words))
            return OperationResult(adapter: result.adapter) { try result.certificate() }
        }
    }

    private func prepared(_ words: [String], _ given: [Double?]) throws -> ([String: MetadataValue], [Double?]) {
        let arguments = try parsed(words)
        return (settings(arguments), try weights(given, arguments))
    }

    private func parsed(_ words: [String]) throws -> Arguments {
        do {
            return try Arguments.parse(words)
        } catch {
            throw RegistryError(
                .invalidRecipe,
                "Unable to compose: the options of '\(name)' do not fit: \(Arguments.message(for: error))")
        }
    }
}
