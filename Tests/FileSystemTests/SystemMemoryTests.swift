import AdapterTesting
import Foundation
import Testing

@testable import FileSystem

@Suite struct SystemMemoryTests {
    /// The least of what the files of a made-up system allow.
    private func available(_ files: [String: String]) throws -> Int? {
        try withTemporaryDirectory { root in
            for (path, text) in files {
                let url = URL(fileURLWithPath: root + path)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(text.utf8).write(to: url)
            }
            return SystemMemory.availableByteCount(root: root)
        }
    }

    private static let system = [
        "/proc/meminfo": "MemTotal:  8000000 kB\nMemFree:  100 kB\nMemAvailable:    4000000 kB\n"
    ]

    private func group(_ path: String, max: String, current: Int, inactive: Int) -> [String: String] {
        [
            "/sys/fs/cgroup\(path)/memory.max": max + "\n", "/sys/fs/cgroup\(path)/memory.current": "\(current)\n",
            "/sys/fs/cgroup\(path)/memory.stat": "anon 5\ninactive_file \(inactive)\nactive_file 9\n",
        ]
    }

    @Test func `this system says something`() throws {
        #expect(try #require(SystemMemory.availableByteCount) > 1 << 20)
        #expect(SystemMemory.peakResidentByteCount > 1 << 20)
    }

    @Test func `without limits it is the system's`() throws {
        #expect(try available(Self.system) == 4_096_000_000)
        #expect(try available([:]) == nil)
        let free = Self.system.merging(["/proc/self/cgroup": "0::/a\n"]) { $1 }
            .merging(group("/a", max: "max", current: 10, inactive: 0)) { $1 }
        #expect(try available(free) == 4_096_000_000)
    }

    @Test func `the tightest group around the process counts, less what it can give back`() throws {
        let nested = Self.system.merging(["/proc/self/cgroup": "3:cpu:/x\n0::/a/b\n"]) { $1 }
        let inner = group("/a/b", max: "3000000", current: 2_500_000, inactive: 400_000)
        let outer = group("/a", max: "2000000", current: 1_800_000, inactive: 100)
        #expect(try available(nested.merging(inner) { $1 }) == 900_000)
        #expect(try available(nested.merging(inner) { $1 }.merging(outer) { $1 }) == 200_100)
        // In a container the process sees its group as the root.
        let root = Self.system.merging(["/proc/self/cgroup": "0::/\n"]) { $1 }
        #expect(try available(root.merging(group("", max: "500", current: 600, inactive: 0)) { $1 }) == 0)
    }
}
