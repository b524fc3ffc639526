import AdapterArithmetic
import AdapterTesting
import ByteCoding
import Foundation

/// A reference result, computed with NumPy in float64.
struct OracleCase {
    let inputs: [(adapter: String, weight: Double)]
    let rank: Int?
    let modules: [String: MetadataValue]
    let deltas: [String: Dense]

    init(_ name: String) throws {
        let folder = Fixtures.directory + "/oracles/" + name
        let document = try document(folder + "/case.json")
        inputs = try required(document["inputs"]?.array, "inputs").map {
            (try required($0["adapter"]?.string, "adapter"), try required($0["weight"]?.number, "weight"))
        }
        rank = document["rank"]?.integer
        modules = document["modules"]?.map ?? [:]
        deltas = try SafetensorsFile(folder + "/delta.safetensors").entries.mapValues { $0.doubles() }
    }

    func mergeInputs() throws -> [MergeInput] {
        try inputs.map { MergeInput(adapter: try PEFTFixture.load($0.adapter), weight: $0.weight, label: $0.adapter) }
    }

    func number(_ key: String, of module: String) throws -> Double {
        try required(modules[module]?[key]?.number, "\(key) of \(module)")
    }

    static func names(_ prefix: String) -> [String] {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: Fixtures.directory + "/oracles")) ?? []
        return folders.filter { $0.hasPrefix(prefix) }.sorted()
    }
}
