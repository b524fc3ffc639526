internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterInterchange
internal import ArgumentParser
internal import ByteCoding
internal import FileSystem
internal import Integrity

struct FuseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fuse",
        abstract: "Put adapters into the weights of their base model: W' = W + Σ weight · effect.",
        discussion: """
            The result is a model that needs no adapter: the same files with the same tensors, each sum formed in 32 bits \
            and rounded once. The effect is s·B·A; DoRA is scaled by its magnitudes; fully trained parameters replace the \
            base model's. Memory holds pieces, never a model. The folder appears complete or not at all.

              adapterctl fuse team/support:v1 --base ./Llama-3.1-8B -o ./support-8B
              adapterctl fuse team/a:v1=0.7 team/b:v1=0.3 --base ./Llama-3.1-8B -o ./ab-8B
              adapterctl fuse team/a:v1 --weights-for 'layers\\.[0-7]\\.=0' --base ./Llama-3.1-8B -o ./late-8B

            Several machines that share a disk can each write a part; with the last one the folder is complete:

              adapterctl fuse team/a:v1 --base ./model -o ./fused --shard 2/4

            --check computes the result again and compares it with what is there, bit for bit; exit code 2 says that it \
            differs.

              adapterctl fuse team/a:v1 --base ./model -o ./fused --check
            """)

    @Argument(help: "REF=WEIGHT; the weight is 1 when it is left out. References, .adpt files or PEFT folders.")
    var inputs: [String]

    @Option(help: ArgumentHelp("The folder of the base model.", valueName: "dir"))
    var base: String

    @Option(name: .shortAndLong, help: ArgumentHelp("The folder of the result.", valueName: "dir"))
    var output: String

    @OptionGroup var modules: ModuleWeightsArguments

    @Option(help: ArgumentHelp("Write the i-th of n parts of the files.", valueName: "i/n"))
    var shard: ShardSelection?

    @Flag(help: "Compare what is at --output with what it should be, and write nothing.")
    var check = false

    @Flag(help: "Fuse adapters of another base model, or of different ones.")
    var allowDifferentBase = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let weighted = try inputs.map(WeightedReference.init(parsing:))
        let adapters = try weighted.map { try LoadedAdapter($0.subject, label: $0.text, options: options) }
        let model = try ModelFolder(opening: base)
        if !allowDifferentBase { try model.requireBase(of: adapters, verb: "fuse", options: options) }
        var parts = zip(weighted, adapters).map { weighted, loaded in
            MergeInput(
                adapter: loaded.adapter, weight: weighted.weight, label: weighted.text,
                contentRoot: loaded.file?.contentRoot)
        }
        try modules.apply(to: &parts)
        let fused = try Fuse.fuse(parts, into: BaseWeights(model), allowDifferentBase: allowDifferentBase)
        let rewrite = try ModelRewrite(
            model,
            changes: fused.weights.map { ModelRewrite.Change(name: $0.name, tensor: $0.tensor, sibling: $0.sibling) },
            configurationChanges: fused.configurationChanges)
        let document: [String: MetadataValue] = [
            "base": .string(base), "output": .string(output),
            "inputs": .array(
                zip(weighted, adapters).map { weighted, adapter in
                    [
                        "reference": .string(weighted.text), "weight": MetadataValue(weighted.weight),
                        "digest": MetadataValue(adapter.digest?.description),
                        "contentRoot": MetadataValue(adapter.file?.contentRoot.description),
                    ]
                }), "weightsFor": .array(modules.weightsFor.map { .string($0.text) }),
            "configurationChanges": .map(fused.configurationChanges),
        ]
        let selected = shard?.indices(of: rewrite.shards.count) ?? rewrite.shards.indices
        if check {
            try compare(rewrite, selected, document)
        } else {
            try write(rewrite, selected, document)
        }
    }

    private func write(_ rewrite: ModelRewrite, _ selected: Range<Int>, _ document: [String: MetadataValue]) throws {
        let total = rewrite.shards[selected].reduce(0) { $0 + $1.byteCount }
        let progress = options.console.progress("Fusing", totalByteCount: total)
        let digests: [Digest]
        if shard == nil {
            let folder = try OutputDirectory(creating: output)
            digests = try selected.map {
                try rewrite.write(shard: $0, to: folder.temporaryPath, progress: progress.advance)
            }
            try rewrite.writeDocuments(to: folder.temporaryPath)
            try folder.commit()
        } else {
            try Directory.create(output)
            digests = try selected.map { try rewrite.write(shard: $0, to: output, progress: progress.advance) }
            // Whoever finishes last completes the folder; all would write the same.
            if rewrite.shards.allSatisfy({ Directory.kind(of: "\(output)/\($0.name)") == .file }) {
                try rewrite.writeDocuments(to: output)
            }
        }
        progress.finish()
        let files = zip(rewrite.shards[selected], digests)
        var document = document
        document["files"] = .array(
            files.map { shard, digest in
                [
                    "name": .string(shard.name), "byteCount": MetadataValue(shard.byteCount),
                    "changedTensorCount": MetadataValue(shard.changedTensorCount),
                    "digest": .string(digest.description),
                ]
            })
        var table = TextTable(["FILE", "SIZE", "CHANGED", "DIGEST"], rightAligned: [1, 2], fixed: [3], faint: [3])
        for (shard, digest) in files {
            table.add([shard.name, Format.bytes(shard.byteCount), "\(shard.changedTensorCount)", digest.abbreviated])
        }
        try options.console.answer(
            .map(document), identifiers: digests.map(\.description),
            text: "Fused \(inputs.joined(separator: " ")) into \(output)\n\(table.text)")
    }

    private func compare(_ rewrite: ModelRewrite, _ selected: Range<Int>, _ document: [String: MetadataValue]) throws {
        let total = rewrite.shards[selected].reduce(0) { $0 + $1.byteCount }
        let progress = options.console.progress("Checking", totalByteCount: total)
        let differences =
            try selected.compactMap { try rewrite.difference(ofShard: $0, in: output, progress: progress.advance) }
            + rewrite.documentDifferences(in: output)
        progress.finish()
        var document = document
        document["isEqual"] = .bool(differences.isEmpty)
        document["differences"] = .array(
            differences.map {
                ["file": .string($0.file), "tensor": MetadataValue($0.tensor), "reason": .string($0.reason)]
            })
        let lines = differences.map { difference in
            "\(difference.file): \(difference.tensor.map { "\($0): " } ?? "")\(difference.reason)"
        }
        try options.console.answer(
            .map(document), identifiers: differences.map(\.file),
            text: differences.isEmpty
                ? "\(output) is \(inputs.joined(separator: " ")) on \(base), bit for bit"
                : lines.joined(separator: "\n"))
        try Failure.endDamaged(if: !differences.isEmpty)
    }
}
