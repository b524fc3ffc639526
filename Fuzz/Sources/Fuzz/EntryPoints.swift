import AdapterFormat
import AdapterInterchange
import CFuzzer
import FileSystem
import Foundation
import Integrity

/// No input of a few kilobytes may make the library allocate more than this at once, or hold more at one time.
private let singleAllocationLimit = 16 << 20
private let totalAllocationLimit = 64 << 20

/// The target that the environment names.
private let target: any FuzzTarget.Type = {
    let name = ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? ""
    guard let target = FuzzTargets.all.first(where: { $0.name == name }) else {
        fatalError("FUZZ_TARGET is '\(name)'; one of: \(FuzzTargets.all.map { $0.name }.joined(separator: ", "))")
    }
    return target
}()

/// The most memory that one input made the library hold.
nonisolated(unsafe) private var peakByteCount = 0

/// Called once before fuzzing. With FUZZ_SEEDS set, writes the target's seed corpus there and ends.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ count: UnsafePointer<Int32>?, _ arguments: UnsafeRawPointer?) -> Int32 {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["FUZZ_SEEDS"] {
        do {
            let seeds = try target.seeds(fixtures: environment["FUZZ_FIXTURES"] ?? "")
            for (index, seed) in seeds.enumerated() {
                try Data(seed).write(to: URL(fileURLWithPath: "\(folder)/seed-\(index)"))
            }
        } catch {
            fatalError("\(error)")
        }
        exit(0)
    }
    atexit { print("stat::peak_input_heap_kib: \(peakByteCount >> 10)") }
    return 0
}

/// Called for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let input = Array(UnsafeBufferPointer(start: start, count: count))
    fuzzer_cap_allocations(singleAllocationLimit, totalAllocationLimit)
    do {
        try target.run(input)
    } catch  where target.isExpected(error) {
        // What reaches people is of these kinds; the others become part of them.
        if error is FormatError || error is InterchangeError || error is SignatureError {
            let message = "\(error)".unicodeScalars
            expect(!message.isEmpty && message.count <= 4096, "a message is as long as a person reads")
            expect(!message.contains { $0.properties.generalCategory == .control }, "a message cannot steer terminals")
        }
    } catch {
        fail("\(target.name) throws an error of the type \(type(of: error)): \(error)")
    }
    peakByteCount = max(peakByteCount, fuzzer_uncap_allocations())
    return 0
}

/// Called to make a new input of an old one.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ maximum: Int, _ seed: UInt32) -> Int {
    let input = Array(UnsafeBufferPointer(start: data, count: count))
    var generator = SeededGenerator(seed: UInt64(seed))
    guard let output = target.mutate(input, maximumByteCount: maximum, using: &generator), output.count <= maximum,
        !output.isEmpty
    else { return LLVMFuzzerMutate(data, count, maximum) }
    for (index, byte) in output.enumerated() { data[index] = byte }
    return output.count
}
