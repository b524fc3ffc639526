internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Tensors

struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Store an adapter in another element type, with an error certificate.",
        discussion: """
            Smaller types lose precision; the result records its parent and what ΔW lost. f8_e4m3 and q8 (blocks of 32 \
            8-bit codes with a common scale) change A and B alone, and alpha takes up a power of two.

              adapterctl convert team/a:v1 -t team/a:small --dtype q8
              adapterctl convert team/a:small -t team/a:wide --dtype f32
            """)

    @Argument(help: "The adapter.")
    var subject: String

    @Option(help: "The element type: f32, bf16, f16, f8_e4m3 or q8.")
    var dtype: DType

    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence; default: the adapter's own message.")
    var message: String?

    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard Convert.dtypes.contains(dtype) else {
            throw ValidationError("--dtype must be \(Convert.dtypes.map(\.description).joined(separator: ", ")).")
        }
    }

    func run() throws {
        let target = try Reference(parsing: target)
        let parent = try StoredParent(Subject(parsing: subject), text: subject, verb: "convert", options: options)
        let converted = try Convert.convert(parent.loaded.adapter, to: dtype, label: subject)
        let result = ComputedResult(
            operation: .convert, computed: converted, parents: [parent],
            settings: ["dtype": .string(dtype.description)], options: options,
            exactResult: "the adapter it was made of")
        let document = try result.store(as: target, expecting: expectation.expectedTag, message: message)
        if options.json { try StandardOutput.write(JSON.text(document, indented: true) + "\n") }
    }
}
