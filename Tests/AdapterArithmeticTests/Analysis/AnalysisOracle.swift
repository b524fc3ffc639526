import AdapterArithmetic
import AdapterTesting
import ByteCoding

/// The numbers of `fixtures/data/analysis`, from dense float64 matrices in NumPy.
enum AnalysisOracle {
    static let cases = Result { try document(Fixtures.directory + "/analysis/cases.json") }

    static func input(_ name: String, weight: Double = 1) throws -> MergeInput {
        MergeInput(adapter: try PEFTFixture.load(name), weight: weight, label: name)
    }

    static func numbers(_ value: MetadataValue?) throws -> [Double] {
        try required(value?.array, "numbers").map { try required($0.number, "a number") }
    }

    static func number(_ value: MetadataValue?, _ key: String) throws -> Double {
        try required(value?[key]?.number, key)
    }

    static func entries(_ key: String) throws -> [MetadataValue] { try required(cases.get()[key]?.array, key) }

    static func adapters(_ entry: MetadataValue) throws -> [String] {
        try required(entry["adapters"]?.array, "adapters").compactMap(\.string)
    }
}

/// Whether lists agree, element by element, to a tolerance that is relative to the largest.
func agree(_ first: [Double], _ second: [Double], _ tolerance: Double) -> Bool {
    let largest = second.map(\.magnitude).max() ?? 0
    return first.count == second.count && zip(first, second).allSatisfy { ($0 - $1).magnitude <= tolerance * largest }
}
