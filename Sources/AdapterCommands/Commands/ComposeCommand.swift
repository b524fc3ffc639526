internal import AdapterRegistry
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct ComposeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compose",
        abstract: "Compute an adapter by a recipe, or put adapters together that stay apart.",
        discussion: """
            A recipe is a YAML document: operations with inputs and options, which are those of the commands. Inputs are \
            references, names of other steps, or operations of their own. What was computed before is taken from the \
            store.

              steps:
                support: {operation: convert, inputs: [team/support:v1], options: {dtype: f32}}
                assistant:
                  operation: merge
                  inputs: [support=0.7, team/tone:v1=0.3]
                  options: {method: exact, rank: 8}

              adapterctl compose recipe.yaml -t team/assistant:v2
              adapterctl compose --without team/tone:v1 --of team/assistant:v1 -t team/untoned:v1
              adapterctl compose --keep-apart team/support:v1=0.7 team/tone:v1 -t team/served:v1
            """)

    @Argument(help: "RECIPE.yaml; with --keep-apart the adapters, REF=WEIGHT.")
    var inputs: [String] = []

    @Option(name: .shortAndLong, help: "The name of the result.")
    var target: String

    @Option(name: .shortAndLong, help: "What the result is, in a sentence; default: what the recipe says.")
    var message: String?

    @Flag(help: "Make a stack: one digest for several adapters, pulled as a folder for each.")
    var keepApart = false

    @Option(
        name: .customLong("without"),
        help: ArgumentHelp("With --of: leave this parent out, which un-merges it; may be repeated.", valueName: "ref"))
    var dropped: [String] = []

    @Option(help: ArgumentHelp("Take the recipe of this stored adapter.", valueName: "ref"))
    var of: String?

    @Option(help: ArgumentHelp("Refuse inputs that have moved since this lock file was written.", valueName: "file"))
    var lock: String?

    @OptionGroup var recompute: RecomputeOption
    @OptionGroup var expectation: ExpectationOptions
    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if keepApart {
            guard !inputs.isEmpty else { throw ValidationError("Name the adapters that the stack shall have.") }
            guard of == nil, dropped.isEmpty, !recompute.isSet else {
                throw ValidationError(
                    "--keep-apart computes nothing: --of, --without and --recompute do not go with it.")
            }
        } else {
            guard (inputs.count == 1) != (of != nil && inputs.isEmpty), inputs.count <= 1 else {
                throw ValidationError("Name one recipe, or a stored adapter with --of.")
            }
            guard dropped.isEmpty || of != nil else { throw ValidationError("--without goes with --of.") }
        }
    }

    func run() throws {
        let target = try Reference(parsing: target)
        let registry = try options.openRegistry(.readWrite)
        let lock = try lock.map { try LockFile(readingFile: $0) }
        if keepApart { return try stack(registry, target, lock) }
        let recipe = try recipe(registry)
        let progress = options.console.progress("Composing")
        let report = try registry.compose(
            recipe, with: .all, as: target, expected: try expectation.expectedTag, lock: lock,
            isRecomputing: recompute.isSet
        ) { step in
            progress.count(recipe.order.firstIndex(of: step) ?? 0, of: recipe.order.count)
            if options.verbose { StandardError.write("adapterctl: computing '\(Format.printable(step))'\n") }
        }
        progress.finish()
        let stored = report.stored
        let lines = report.steps.map { step in
            Format.printable(
                "  \(step.name): \(step.operation), \(step.wasStored ? "from the store" : "computed"), "
                    + step.stored.digest.abbreviated)
        }
        try options.console.answer(
            [
                "reference": .string(target.description), "digest": .string(stored.digest.description),
                "contentRoot": .string(stored.contentRoot.description),
                "steps": .array(
                    report.steps.map { step in
                        [
                            "name": .string(step.name), "operation": .string(step.operation),
                            "digest": .string(step.stored.digest.description),
                            "contentRoot": .string(step.stored.contentRoot.description),
                            "wasStored": .bool(step.wasStored),
                        ]
                    }),
            ], identifiers: [stored.digest.description],
            text: (["Composed \(target)", "  digest        \(stored.digest)", "  content root  \(stored.contentRoot)"]
                + lines).joined(separator: "\n"))
    }

    private func recipe(_ registry: Registry) throws -> Recipe {
        let recipe: Recipe
        if let of {
            let parents = try dropped.map { try registry.resolve(try Reference(parsing: $0)) }
            recipe = try registry.recipe(of: try Reference(parsing: of), without: parents, with: .all)
        } else {
            recipe = try Recipe(readingFile: inputs[0])
        }
        return try message.map { try Recipe(steps: recipe.steps, result: recipe.result, message: $0) } ?? recipe
    }

    private func stack(_ registry: Registry, _ target: Reference, _ lock: LockFile?) throws {
        var base: BaseModel?
        var members: [StackDocument.Member] = []
        for text in inputs {
            let weighted = try WeightedReference(parsing: text)
            guard case .reference(let reference) = weighted.subject else {
                throw InputError.referenceNeeded(weighted.text, verb: "compose")
            }
            let stored = try registry.resolve(reference)
            try lock?.check(stored)
            if let known = base, !known.isCompatible(with: stored.summary.base) {
                throw ValidationError(
                    "Unable to put '\(reference)' on the stack: it changes \(stored.summary.base.summary), the others "
                        + "\(known.summary).")
            }
            base = base?.merging(stored.summary.base) ?? stored.summary.base
            members.append(
                StackDocument.Member(
                    name: name(reference, taken: members.map(\.name)), digest: stored.digest,
                    contentRoot: stored.contentRoot, weight: weighted.weight))
        }
        let stack = try StackDocument(members: members, base: base ?? BaseModel(), message: message)
        let stored = try registry.push(stack, as: target, expected: try expectation.expectedTag)
        try options.console.answer(
            [
                "reference": .string(target.description), "digest": .string(stored.digest.description),
                "contentRoot": .string(stored.contentRoot.description), "adapters": StackDescription.members(stack),
            ], identifiers: [stored.digest.description],
            text: "Stacked \(target)\n  digest        \(stored.digest)\n\n\(StackDescription.table(stack))")
    }

    /// The last part of the repository's name, and a number where that is taken.
    private func name(_ reference: Reference, taken: [String]) -> String {
        let last = reference.repository.description.split(separator: "/").last.map(String.init) ?? "adapter"
        let short = String(last.prefix(100))
        guard taken.contains(short) else { return short }
        var number = 2
        while taken.contains("\(short)-\(number)") { number += 1 }
        return "\(short)-\(number)"
    }
}

struct RebuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild",
        abstract: "Compute a stored result again from its stored parents and compare.",
        discussion: """
            Exits with 2 when the content root differs. Nothing is stored.

              adapterctl rebuild team/assistant:v1
            """)

    @Argument(help: "The stored adapters.")
    var references: [String]

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readWrite)
        let progress = options.console.progress("Computing again")
        let reports = try references.enumerated().map { index, text in
            if references.count > 1 { progress.count(index, of: references.count) }
            return try registry.rebuild(try Reference(parsing: text), with: .all)
        }
        progress.finish()
        let lines = reports.map { report in
            let state =
                report.isEqual ? Style.good.applied(to: "equal") + "     " : Style.bad.applied(to: "DIFFERENT") + " "
            let file = report.digest == report.stored.digest ? "" : ", the file was written otherwise"
            return "\(state) \(report.stored.reference)  \(report.operation)  \(report.contentRoot)\(file)"
        }
        try options.console.answer(
            .array(
                reports.map { report in
                    [
                        "reference": .string(report.stored.reference.description),
                        "operation": .string(report.operation), "isEqual": .bool(report.isEqual),
                        "expectedContentRoot": .string(report.stored.contentRoot.description),
                        "contentRoot": .string(report.contentRoot.description),
                        "digest": .string(report.digest.description),
                        "isSameFile": .bool(report.digest == report.stored.digest),
                    ]
                }), identifiers: reports.filter { !$0.isEqual }.map(\.stored.reference.description),
            text: lines.joined(separator: "\n"))
        try Failure.endDamaged(if: !reports.allSatisfy(\.isEqual))
    }
}

struct RecipeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipe",
        abstract: "Print how a stored adapter was computed, as a recipe with every input resolved to its digest.",
        discussion: """
              adapterctl recipe team/assistant:v1 > recipe.yaml
              adapterctl compose recipe.yaml -t team/again:v1
            """)

    @Argument(help: "The stored adapter.")
    var reference: String

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let reference = try Reference(parsing: reference)
        let document = try registry.resolvedRecipe(of: reference, with: .all)
        let yaml = try Recipe.yaml(document)
        try options.console.answer(
            document, identifiers: [reference.description], text: yaml, isProse: false)
    }
}
