// Times what whole processes hide: opening a file and reading one tensor, and SHA-256 alone.
//
//     FormatBenchmark open FILE.adpt MODULE    milliseconds to open and read a module's A, verified: minimum and median
//     FormatBenchmark hash FILE                gigabytes a second of SHA-256 alone, on one processor

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
case "open" where arguments.count == 4:
    var byteCount = 0
    var openings: [Double] = []
    let times = try (0..<301).map { _ in
        try milliseconds {
            var opened: AdapterFile?
            openings.append(try milliseconds { opened = try AdapterFile(opening: arguments[2]) })
            guard let update = opened?.adapter.module(named: arguments[3])?.update else { return }
            byteCount = try update.a.bytes().count
        }
    }.sorted()
    openings.sort()
    print(
        "{\"minimum_ms\": \(times[0]), \"median_ms\": \(times[150]), \"open_ms\": \(openings[150]), "
            + "\"tensor_bytes\": \(byteCount)}")
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
    print("usage: FormatBenchmark open FILE.adpt MODULE | hash FILE")
}
