import AdapterTesting
import Foundation
import Testing

/// Every command of every page works as it stands there, one after the other.
@Suite struct DocumentationTests {
    private static let root = URL(fileURLWithPath: Fixtures.directory).deletingLastPathComponent()
        .deletingLastPathComponent()

    /// All pages, by their paths below the root: a new one is tested without being named here.
    private static let pages: [String] = ["README.md", "CONTRIBUTING.md", "docs", "spec"].flatMap { name in
        let below = FileManager.default.enumerator(atPath: root.appendingPathComponent(name).path)
        let paths = (below?.allObjects as? [String] ?? []).map { "\(name)/\($0)" }
        return ([name] + paths).filter { $0.hasSuffix(".md") && !$0.contains("/.") }
    }.sorted()

    private static func text(_ page: String) -> String {
        (try? String(contentsOf: root.appendingPathComponent(page), encoding: .utf8)) ?? ""
    }

    /// The lines of a page's sh blocks.
    private static func commands(_ page: String) -> [Substring] {
        text(page).split(separator: "```sh\n").dropFirst().flatMap {
            ($0.firstRange(of: "\n```").map { [block = $0] in block[..<$0.lowerBound] } ?? $0).split(separator: "\n")
        }
    }

    private static func needsPeer(_ page: String) -> Bool {
        commands(page).contains { $0.contains("registry.example.com") }
    }

    /// These run with the server's binary: Scripts/check-server-clients finds them by the same words.
    private static func needsServer(_ page: String) -> Bool {
        commands(page).contains { $0.hasPrefix("adapterd ") }
    }

    /// Runs a page in a folder that has the fixtures and nothing else, as a user with an empty home.
    private func run(_ page: String, peer: DockerRegistry? = nil) throws {
        try withTemporaryDirectory { folder in
            let root = Self.root.path
            try FileManager.default.createDirectory(atPath: "\(folder)/bin", withIntermediateDirectories: false)
            for (link, target) in ["fixtures": "\(root)/fixtures", "bin/adapterctl": CommandLineTool.path] {
                try FileManager.default.createSymbolicLink(atPath: "\(folder)/\(link)", withDestinationPath: target)
            }
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            var environment = ["HOME": folder, "PATH": "\(folder)/bin:\(path)"]
            environment["PEER"] = peer?.host
            let result = try CommandLineTool(registry: folder + "/registry").run(
                [], launcher: ["\(root)/Scripts/run-page", "\(root)/\(page)"], environment: environment,
                directory: folder)
            #expect(result.status == 0, "\(page): \(result.errors.suffix(2000))")
        }
    }

    @Test(arguments: pages.filter { !needsPeer($0) && !needsServer($0) })
    func `every command of a page runs`(page: String) throws {
        try run(page)
    }

    @Test(
        .enabled(if: DockerRegistry.isInstalled || DockerRegistry.isRequired),
        arguments: pages.filter { needsPeer($0) && !needsServer($0) })
    func `every command runs that speaks with a registry`(page: String) throws {
        try withTemporaryDirectory { folder in
            let peer = try DockerRegistry(in: folder)
            try run(page, peer: peer)
            withExtendedLifetime(peer) {}
        }
    }

    @Test func `the pages are found, with commands in them`() {
        #expect(Self.pages.contains("README.md") && Self.pages.contains("spec/adapter-format-v1.md"))
        #expect(Self.commands("README.md").count >= 30)
        #expect(Self.commands("docs/interchange.md").count >= 8)
        #expect(Self.needsPeer("docs/remote.md"))
        let guides = Self.pages.filter { $0.hasPrefix("docs/guides/") }
        #expect(guides.count >= 6)
        for guide in guides { #expect(!Self.commands(guide).isEmpty, "\(guide) shows no command") }
    }

    @Test(arguments: pages)
    func `what a page links to is there`(page: String) {
        let folder = Self.root.appendingPathComponent(page).deletingLastPathComponent()
        for match in Self.text(page).matches(of: /\]\(([^)#:]+)(#[^)]*)?\)/) {
            let target = folder.appendingPathComponent(String(match.1)).path
            #expect(FileManager.default.fileExists(atPath: target), "\(page) links to '\(match.1)'")
        }
    }

    @Test func `every page under docs is linked from another`() {
        let linked = Self.pages.flatMap { page in
            let folder = Self.root.appendingPathComponent(page).deletingLastPathComponent()
            return Self.text(page).matches(of: /\]\(([^)#:]+)(#[^)]*)?\)/)
                .map { folder.appendingPathComponent(String($0.1)).standardizedFileURL.path }
                .filter { $0 != Self.root.appendingPathComponent(page).path }
        }
        let missing = Self.pages.filter {
            $0.hasPrefix("docs/") && !linked.contains(Self.root.appendingPathComponent($0).path)
        }
        #expect(missing.isEmpty)
    }
}
