internal import AdapterArithmetic
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding

struct InterpolateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interpolate",
        abstract: "Go from one adapter to another, by default on a straight line, ΔW = (1 − t)·ΔW_A + t·ΔW_B.",
        discussion: """
            At 0 the result is A, at 1 it is B, bit for bit. Values outside 0 to 1 extrapolate. On the sphere \
            (slerp) the way keeps the norm from falling between two adapters that point elsewhere.

              adapterctl interpolate team/a:v1 team/b:v1 --at 0.25 -t team/ab:quarter
              adapterctl interpolate team/a:v1 team/b:v1 --steps 4 -t team/ab
              adapterctl interpolate team/a:v1 team/b:v1 --method slerp --at 0.5 -t team/ab:half
            """)

    @Argument(help: "The adapter at 0.")
    var first: String

    @Argument(help: "The adapter at 1.")
    var second: String

    @Option(help: "Where on the way.")
    var at: Double?

    @Option(help: "Write the whole way in this many steps, tagged TARGET-0 to TARGET-N.")
    var steps: Int?

    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence.")
    var message: String?

    @OptionGroup var arguments: PathArguments
    @OptionGroup var recompute: RecomputeOption
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        guard (at == nil) != (steps == nil) else { throw ValidationError("Give either --at or --steps.") }
        if let at, !at.isFinite { throw ValidationError("--at must be a finite number.") }
        if let steps, !(1...1000).contains(steps) { throw ValidationError("--steps must be 1 to 1000.") }
    }

    func run() throws {
        let target = try Reference(parsing: target)
        if let at {
            let document = try store(at: at, as: target)
            if options.json { try StandardOutput.write(JSON.text(document, indented: true) + "\n") }
            return
        }
        let steps = steps ?? 1
        guard let tag = target.tag else {
            throw ValidationError("Unable to write to '\(target)': a tag is needed, not a digest.")
        }
        var documents: [MetadataValue] = []
        for step in 0...steps {
            let name = try Reference(parsing: "\(target.repository):\(tag)-\(step)")
            documents.append(try store(at: Double(step) / Double(steps), as: name))
        }
        if options.json { try StandardOutput.write(JSON.text(.array(documents), indented: true) + "\n") }
    }

    private func store(at position: Double, as target: Reference) throws -> MetadataValue {
        let parents = try [(first, 1 - position), (second, position)].map { text, weight in
            try StoredParent(
                Subject(parsing: text), text: text, weight: weight, verb: "interpolate", options: options)
        }
        return try ComputedResult(
            operation: .interpolate,
            computed: try Interpolate.interpolate(
                parents[0].loaded.adapter, parents[1].loaded.adapter, at: position, along: arguments.method,
                labels: (first, second), options: arguments.options),
            parents: parents, settings: arguments.settings(at: position), options: options
        ).store(
            as: target, expecting: expectation.expectedTag, message: message, recomputing: recompute.isSet)
    }
}
