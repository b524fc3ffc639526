internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Set a tag back to where it stood before.",
        discussion: """
            Without --to, to where it stood before its last change. The rollback is a change of its own, so the history \
            keeps all that was.

              adapterctl rollback team/support:production --message 'answers got worse'
              adapterctl rollback team/support:production --to 3
            """)

    @Argument(help: "The tag, NAME:TAG.")
    var reference: String

    @Option(help: ArgumentHelp("The change to return to, by its number in 'history'.", valueName: "change"))
    var to: Int?

    @Option(name: .shortAndLong, help: "Why, for the history.")
    var message: String?

    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func run() throws {
        let reference = try Reference(parsing: reference)
        let registry = try options.openRegistry(.readWrite)
        let before = try? registry.resolve(reference)
        let stored = try registry.rollBack(
            reference, toGeneration: to, expected: try expectation.expectedTag, message: message)
        try options.console.answer(
            [
                "reference": .string(reference.description), "digest": .string(stored.digest.description),
                "from": MetadataValue(before?.digest.description),
            ], identifiers: [stored.digest.description],
            text: "\(reference) → \(stored.digest)\(before.map { ", was \($0.digest)" } ?? "")")
    }
}
