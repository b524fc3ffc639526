// Fills a registry with small adapters, all different, and with tags and their history.
//
//     RegistryFill DIRECTORY ADAPTERS TAGS [FIRST]
//
// FIRST is the adapter to begin with, so that a run that was stopped can be gone on with; 0 by default.
// Every adapter has TAGS/ADAPTERS tags and every second one was computed from the one before; bases, ranks, labels and
// messages repeat in known proportions: one adapter in a hundred has the label rare=yes and the word 'needle' in its
// message, one in a thousand the base 'special/rare', one in a thousand a base with a digest. One in twenty has the label
// bulk=yes and is a version of the repository 'zoo/bulk'; all others have a repository of their own. Put the directory
// into memory: each push and each tag is flushed to the disk before the next.

import AdapterRegistry
import Adapters
import Integrity
import Tensors

guard (4...5).contains(CommandLine.arguments.count), let adapterCount = Int(CommandLine.arguments[2]),
    let tagCount = Int(CommandLine.arguments[3]), adapterCount > 0,
    let first = Int(CommandLine.arguments.dropFirst(4).first ?? "0"), (0...adapterCount).contains(first)
else {
    print("usage: RegistryFill DIRECTORY ADAPTERS TAGS [FIRST]")
    throw CancellationError()
}

/// SplitMix64 by index: a value that depends on nothing else.
func value(_ index: Int) -> UInt64 {
    var word = UInt64(index) &* 0x9E37_79B9_7F4A_7C15 &+ 0x9E37_79B9_7F4A_7C15
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
}

func tensor(_ extents: [Int], _ seed: Int) throws -> Tensor {
    guard let shape = Shape(extents) else { throw CancellationError() }
    let values = (0..<shape.elementCount).map { Double(value(seed &* 1000 &+ $0) >> 40) / Double(1 << 24) - 0.5 }
    return try Tensor(rounding: values, to: .f32, shape: shape)
}

func adapter(_ index: Int) throws -> Adapter {
    let rank = [2, 4, 8, 16][index % 4]
    let module = ["q_proj", "k_proj", "v_proj", "o_proj"][index % 4]
    var base = BaseModel(name: "company/model-\(index % 50)", revision: "r\(index % 3)")
    if index % 1000 == 11 { base.name = "special/rare" }
    if index % 1000 == 13 { base.digest = SHA256.hash(Array("a base".utf8)) }
    var adapter = try Adapter(
        base: base,
        modules: [
            AdaptedModule(
                name: "model.layers.0.\(module)",
                update: LowRankUpdate(
                    kind: .linear, a: tensor([rank, 8], index), b: tensor([8, rank], index + 1_000_000_007), rank: rank,
                    alpha: 8, scalingRule: .alphaOverRank))
        ])
    var labels = ["team": "team-\(index % 100)", "stage": index % 2 == 0 ? "test" : "production"]
    if index % 100 == 7 { labels["rare"] = "yes" }
    if isBulk(index) { labels["bulk"] = "yes" }
    adapter.notes = AdapterNotes(
        message: "adapter number \(index) for task \(index % 1000)\(index % 100 == 7 ? ", a needle" : "")",
        license: "Apache-2.0", labels: labels)
    return adapter
}

func isBulk(_ index: Int) -> Bool { index % 20 == 3 }

/// The tag of an adapter with a number, 1 for the first.
func reference(_ index: Int, _ tag: Int) throws -> Reference {
    try Reference(
        parsing: isBulk(index) ? "zoo/bulk:v\(tag)-\(index)" : "team-\(index % 100)/adapter-\(index):v\(tag)")
}

let registry = try Registry(opening: CommandLine.arguments[1], actor: "benchmark")
let clock = ContinuousClock()
var start = clock.now
for index in first..<adapterCount {
    let target = try reference(index, 1)
    var provenance: (() throws -> Provenance)?
    if index % 2 == 1 {
        let parent = try registry.resolve(reference(index - 1, 1))
        provenance = {
            Provenance(
                operation: "scale", toolVersion: "benchmark",
                parents: [.init(digest: parent.digest, contentRoot: parent.contentRoot)], options: [:])
        }
    }
    _ = try registry.push(adapter(index), as: target, provenance: provenance)
    for tag in 1..<max(1, tagCount / adapterCount) { try registry.tag(target, as: reference(index, tag + 1)) }
    if (index + 1) % 10_000 == 0 {
        print("\(index + 1) adapters, \((clock.now - start) / .milliseconds(10_000)) ms each with their tags")
        start = clock.now
    }
}
