internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding

struct ResizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resize",
        abstract: "Give an adapter smaller ranks, with an error certificate.",
        discussion: """
            Each module becomes the best approximation of its new rank. Ranks are fixed by --rank, chosen per module by \
            --energy, or chosen for all modules together by --error and --budget, so that parameters go where they matter \
            most. Every module keeps at least rank 1, none grows: see pad.

              adapterctl resize team/a:v1 -t team/a:small --rank 8
              adapterctl resize team/a:v1 -t team/a:small --energy 0.95
              adapterctl resize team/a:v1 -t team/a:small --error 0.1
              adapterctl resize team/a:v1 -t team/a:small --budget 5M --rank 64
            """)

    @Argument(help: "The adapter.")
    var subject: String

    @OptionGroup var arguments: ResizeArguments
    @OptionGroup var result: SingleResultArguments

    func run() throws {
        let resized = { try Resize.resize($0, arguments.options, label: subject) }
        try result.store(subject, operation: .resize, settings: arguments.options.metadata, compute: resized)
    }
}

struct PadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pad",
        abstract: "Give all modules of an adapter one larger rank without changing its effect.",
        discussion: """
            A and B are filled up with zeros and alpha grows with the rank. For programs that load one rank only.

              adapterctl pad team/a:v1 -t team/a:rank64 --rank 64
            """)

    @Argument(help: "The adapter.")
    var subject: String

    @OptionGroup var arguments: PadArguments
    @OptionGroup var result: SingleResultArguments

    func run() throws {
        let rank = arguments.rank
        try result.store(subject, operation: .pad, settings: ["rank": MetadataValue(rank)]) {
            try Pad.pad($0, to: rank, label: subject)
        }
    }
}
