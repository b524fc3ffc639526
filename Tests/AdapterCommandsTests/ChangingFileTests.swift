import AdapterTesting
import FileSystem
import Foundation
import Glibc
import Testing

/// Files that another process changes while a command reads them.
@Suite struct ChangingFileTests {
    /// Stops the process as soon as it has the file open or mapped, and lets it go on when `body` has returned.
    private func interrupt(
        _ tool: RunningTool, at list: String, of name: String, _ body: () throws -> Void
    ) throws {
        let path = "/proc/\(tool.processIdentifier)/\(list)"
        let deadline = Date(timeIntervalSinceNow: 60)
        func isSeen() -> Bool {
            if list == "maps" { return (try? String(contentsOfFile: path, encoding: .utf8))?.contains(name) ?? false }
            let links = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return links.contains { link in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(path)/\(link)"))?.hasSuffix(name)
                    ?? false
            }
        }
        while !isSeen() {
            try #require(Date() < deadline)
            usleep(200)
        }
        kill(tool.processIdentifier, SIGSTOP)
        defer { kill(tool.processIdentifier, SIGCONT) }
        try body()
    }

    @Test(arguments: ["pack", "push", "convert"])
    func `A folder that changes while it is read is not taken`(_ command: String) throws {
        try withTemporaryDirectory { folder in
            let source = folder + "/source"
            try PEFTFolder.write(byteCount: 64 << 20, to: source)
            let tool = CommandLineTool(registry: folder + "/registry")
            let arguments =
                switch command {
                case "pack": ["pack", source, "-o", folder + "/a.adpt", "--codec", "raw"]
                case "push": ["push", source, "a", "--codec", "raw"]
                default: ["convert", source, folder + "/a.npz"]
                }
            let running = try tool.start(arguments, environment: ["ADAPTERCTL_THREADS": "1"])
            try interrupt(running, at: "fd", of: "adapter_model.safetensors") {
                let file = try FileHandle(forUpdating: URL(fileURLWithPath: source + "/adapter_model.safetensors"))
                try file.seek(toOffset: 63 << 20)
                try file.write(contentsOf: Data([1, 2, 3, 4]))
                try file.close()
            }
            let result = running.wait()
            #expect(result.status == 1)
            #expect(result.errors.contains("changed while it was read"), "\(result.errors)")
            #expect(try Directory.names(in: folder).filter { $0.contains("a.") } == [])
            if command == "push" { #expect(try tool.run("list", "-q").output == "") }
        }
    }

    @Test func `A base model that is cut short ends in a sentence`() throws {
        // At first the file is mapped and read as well; what is read ends in a sentence of its own.
        var isMapped = false
        for attempt in 0..<6 where !isMapped {
            try withTemporaryDirectory { folder in
                let base = folder + "/base"
                try FileManager.default.copyItem(atPath: Fixtures.directory + "/training/tiny", toPath: base)
                let running = try CommandLineTool(registry: folder + "/registry").start([
                    "train", "--base", base, "--data", Fixtures.directory + "/training/bierce_train.txt", "--max-steps",
                    "100000", "--max-seq-length", "64", "-t", "a", "-q",
                ])
                let name = try #require(Directory.names(in: base).first { $0.hasSuffix(".safetensors") })
                Thread.sleep(forTimeInterval: Double(attempt))
                try interrupt(running, at: "maps", of: name) {
                    #expect(truncate("\(base)/\(name)", 0) == 0)
                }
                let result = running.wait()
                #expect(result.status == 1)
                isMapped = result.errors.contains("mapped into memory")
                #expect(isMapped || result.errors.contains("Unable to read"), "\(result.errors)")
            }
        }
        #expect(isMapped)
    }
}
