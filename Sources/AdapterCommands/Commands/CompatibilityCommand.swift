internal import AdapterInterchange
internal import Adapters
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

struct CompatibilityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say whether an adapter fits a base model and the programs that serve it.",
        discussion: """
            Compares module names, shapes, the base model's digest where the adapter names one, and what PEFT, vLLM, \
            llama.cpp and MLX take. Exits with 2 when the adapter does not fit the model, or not all the programs named \
            with --for.

              adapterctl check team/support:v1 --base ./Llama-3.1-8B
              adapterctl check ./my-adapter --base ./Llama-3.1-8B --for vllm --for llama.cpp
            """)

    @Argument(help: "The adapter: a reference, a folder or a file.")
    var subject: String

    @Option(
        help: ArgumentHelp(
            "The base model: its folder, the folder of its pipeline, or its .safetensors file.", valueName: "dir"))
    var base: String

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "A program that must take it: peft, vllm, llama.cpp or mlx; may be repeated.", valueName: "program"))
    var servers: [Server] = []

    @Flag(help: "Do not hash the base model, even where the adapter names its digest.")
    var skipDigest = false

    @OptionGroup var options: GlobalOptions

    func run() throws {
        let reading = ReadingOptions(base: try BaseOutline(opening: base))
        let loaded = try LoadedAdapter(
            Subject(parsing: subject), label: subject, options: options, reading: reading)
        let report = try CompatibilityReport(loaded, base: base) { try digestFinding(loaded.adapter.base, $0) }
        let demanded = report.servers.filter { verdict in servers.contains { $0.rawValue == verdict.name } }
        let fits = report.fits && demanded.allSatisfy { $0.reasons.isEmpty }
        try options.console.answer(
            [
                "subject": .string(subject), "base": .string(base), "fits": MetadataValue(fits),
                "compared": .string(report.compared), "moduleCount": MetadataValue(report.moduleCount),
                "findings": .array(report.findings.map(\.document)),
                "servers": .array(report.servers.map(\.document)),
            ], identifiers: fits ? [] : report.findings.map(\.module), text: text(report))
        try Failure.endDamaged(if: !fits)
    }

    private func digestFinding(_ base: BaseModel, _ model: ModelFolder) throws -> CompatibilityReport.Finding? {
        guard !skipDigest, let expected = base.digest else { return nil }
        let progress = options.console.progress(
            "Hashing the base model", totalByteCount: model.entries.reduce(0) { $0 + $1.byteCount })
        defer { progress.finish() }
        let digest = try model.weightsDigest(progress: progress.advance)
        guard digest != expected else { return nil }
        return CompatibilityReport.Finding(
            code: "otherWeights", module: "",
            message: "it was trained on \(expected), the weights of '\(model.path)' are \(digest).")
    }

    private func text(_ report: CompatibilityReport) -> String {
        let isUncompared = report.compared == "configuration"
        let sentence =
            isUncompared
            ? "\(base) holds no weights: module names and shapes are not compared"
            : report.fits
                ? "\(subject) fits \(base): \(report.moduleCount) modules compared by \(report.compared)"
                : "\(subject) does not fit \(base): \(report.findings.count) of \(report.moduleCount) modules"
        let style = isUncompared ? Style.notable : report.fits ? .good : .bad
        var lines = [style.applied(to: Format.printable(sentence))]
        for finding in report.findings.prefix(20) {
            lines.append(
                Format.printable("  \(finding.module.isEmpty ? "" : finding.module + ": ")\(finding.message)"))
        }
        if report.findings.count > 20 { lines.append("  … and \(report.findings.count - 20) more") }
        for verdict in report.servers {
            let name = verdict.name + String(repeating: " ", count: max(0, 11 - verdict.name.count))
            lines.append(
                "  \(name)"
                    + (verdict.reasons.isEmpty
                        ? "\(Style.good.applied(to: "yes")): \(Format.printable(verdict.advice))"
                        : "\(Style.bad.applied(to: "no")): \(Format.printable(verdict.reasons.joined(separator: "; ")))")
            )
        }
        return lines.joined(separator: "\n")
    }
}

extension Server: ExpressibleByArgument {}
