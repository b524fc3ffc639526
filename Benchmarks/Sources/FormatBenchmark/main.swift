// Times what whole processes hide: opening a file and reading one tensor, and SHA-256 alone.
//
//     FormatBenchmark open FILE.adpt     milliseconds to open and read one verified tensor, minimum and median
//     FormatBenchmark hash FILE          gigabytes a second of SHA-256 alone, on one processor

import AdapterFormat
import Adapters
import FileSystem
import Integrity
import Tensors

func milliseconds(_ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    return try clock.measure(body) / .milliseconds(1)
}

let arguments = CommandLine.arguments
switch arguments.dropFirst().first {
case "open" where arguments.count == 3:
    var byteCount = 0
    let times = try (0..<101).map { _ in
        try milliseconds {
            let file = try AdapterFile(opening: arguments[2])
            let module = file.adapter.modules[file.adapter.modules.count / 2]
            byteCount = try module.tensors[0].tensor.bytes().count
        }
    }.sorted()
    print("{\"minimum_ms\": \(times[0]), \"median_ms\": \(times[times.count / 2]), \"tensor_bytes\": \(byteCount)}")
case "hash" where arguments.count == 3:
    let file = try InputFile(opening: arguments[2])
    let bytes = try file.read(at: 0, count: file.byteCount)
    let times = try (0..<5).map { _ in
        try milliseconds {
            var hasher = SHA256()
            hasher.update(bytes)
            _ = hasher.finalize()
        }
    }
    print("{\"gb_per_s\": \(Double(bytes.count) / 1e6 / (times.min() ?? .infinity))}")
default:
    print("usage: FormatBenchmark open FILE.adpt | hash FILE")
}
