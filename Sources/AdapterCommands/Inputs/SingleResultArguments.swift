internal import AdapterArithmetic
internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding

/// Where the result of an operation on one adapter goes.
struct SingleResultArguments: ParsableArguments {
    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence; default: the adapter's own message.")
    var message: String?

    @OptionGroup var recompute: RecomputeOption
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    /// Computes an adapter from a stored one and stores it.
    func store(
        _ subject: String, operation: Operation, settings: [String: MetadataValue],
        compute: @escaping (Adapter) throws -> ComputedAdapter
    ) throws {
        let target = try Reference(parsing: target)
        let parent = try StoredParent(
            Subject(parsing: subject), text: subject, verb: operation.rawValue, options: options)
        let result = ComputedResult(
            operation: operation, computed: try compute(parent.loaded.adapter), parents: [parent], settings: settings,
            options: options, exactResult: "the adapter it was made of", message: parent.loaded.adapter.notes.message)
        let document = try result.store(
            as: target, expecting: expectation.expectedTag, message: message, recomputing: recompute.isSet)
        if options.json { try StandardOutput.write(JSON.text(document, indented: true) + "\n") }
    }
}
