import AdapterTesting
import Foundation
import Testing

/// How much memory commands need, whatever the size of the file and the number of processors.
@Suite struct MemoryTests {
    @Test func `pack and unpack of 100 MB on 32 threads stay below 256 MB`() throws {
        try withTemporaryDirectory { folder in
            let source = folder + "/source"
            try PEFTFolder.write(byteCount: 100 << 20, to: source)
            let tool = CommandLineTool(registry: folder + "/registry")
            let environment = ["ADAPTERCTL_THREADS": "32"]
            for arguments in [
                ["pack", source, "-o", folder + "/a.adpt", "--quiet"],
                ["pack", source, "-o", folder + "/b.adpt", "--quiet", "--codec", "raw"],
                ["verify", folder + "/a.adpt", "--quiet"],
                ["unpack", folder + "/a.adpt", "-o", folder + "/a", "--quiet"],
                ["unpack", folder + "/b.adpt", "-o", folder + "/b", "--quiet"],
            ] {
                let (result, peak) = try tool.start(arguments, environment: environment).waitMeasuringMemory()
                #expect(result.status == 0, "\(arguments): \(result.errors)")
                #expect(peak < 256_000_000, "\(arguments) needs \(peak) bytes")
                // What is not the program's own was measured.
                #expect(peak > 10_000_000)
            }
        }
    }
}
