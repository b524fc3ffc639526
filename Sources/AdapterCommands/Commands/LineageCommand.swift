internal import AdapterPictures
internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Charts
internal import Integrity

struct LineageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lineage",
        abstract: "Show what an adapter was computed from and what was computed from it.",
        discussion: """
            Goes by identity, so that a signed copy of a parent counts as the parent.

              adapterctl lineage team/assistant:v1
              adapterctl lineage team/support:v1 --down --depth 2
              adapterctl lineage team/support:v1 --impact
              adapterctl lineage team/assistant:v1 --plot lineage.svg
              adapterctl lineage team/assistant:v1 --dot | dot -Tpdf > lineage.pdf
            """)

    @Argument(help: "The stored adapter, or a digest or content root, sha256:….")
    var reference: String

    @Flag(help: "Only what it was computed from.")
    var up = false

    @Flag(help: "Only what was computed from it.")
    var down = false

    @Option(help: "At most so many steps.")
    var depth: Int?

    @Flag(help: "Only the names of everything that was computed from it: what a fault in it concerns.")
    var impact = false

    @Flag(help: "Print Graphviz's language.")
    var dot = false

    @Option(help: ArgumentHelp("Draw the lineage into an SVG or HTML file.", valueName: "file"))
    var plot: String?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if let depth, depth < 1 { throw ValidationError("--depth must be at least 1.") }
        guard !(dot && options.json) else { throw ValidationError("--dot and --json exclude each other.") }
        guard !impact || !(up || dot || depth != nil || plot != nil) else {
            throw ValidationError(
                "--impact asks for all descendants: neither --up, --depth, --dot nor --plot go with it.")
        }
        if let plot { _ = try PictureFile(plot) }
    }

    func run() throws {
        let registry = try options.openRegistry(.readOnly)
        let root = try contentRoot(registry)
        if impact {
            let names = try registry.impact(of: root).map(\.description)
            return try options.console.answer(
                .array(names.map { .string($0) }), identifiers: names,
                text: names.isEmpty ? "Nothing that has a name was computed from it." : names.joined(separator: "\n"))
        }
        let directions: Set<Registry.LineageDirection> =
            up == down ? [.ancestors, .descendants] : up ? [.ancestors] : [.descendants]
        let graph = try registry.lineage(of: root, directions, depth: depth ?? .max)
        if graph.edges.isEmpty, graph.nodes.first?.digests.isEmpty ?? true {
            throw RegistryError(
                .notFound, "Unable to find '\(reference)': nothing is known of it. See 'list' for what is stored.")
        }
        let description = LineageDescription(graph: graph, name: reference)
        if let plot { try PictureFile(plot).write([GraphChart(graph)], title: "Lineage of \(reference)") }
        if dot { return try StandardOutput.write(description.dot) }
        try options.console.answer(
            description.document, identifiers: graph.nodes.map(\.contentRoot.description),
            text: description.tree(directions))
        if graph.isTruncated { options.console.warn("the lineage goes on beyond what is shown") }
    }

    private func contentRoot(_ registry: Registry) throws -> Digest {
        guard let digest = Digest(parsing: reference) else {
            return try registry.resolve(try Reference(parsing: reference)).contentRoot
        }
        return try registry.contentRoot(of: digest) ?? digest
    }
}
