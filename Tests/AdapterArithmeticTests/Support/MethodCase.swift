import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Integrity
import Tensors

/// Results of every method: dense definitions in NumPy, mergekit's own, PEFT's own.
struct MethodCase: Sendable, CustomStringConvertible {
    let name: String
    let set: String
    let source: String
    let weights: [Double]
    let options: MergeOptions

    var description: String { name }

    private static let folder = Fixtures.directory + "/methods/"

    /// All cases, with what the fixtures share.
    static let shared = Result { try Shared() }
    static let all: [MethodCase] = (try? shared.get().cases) ?? []

    struct Shared: Sendable {
        let cases: [MethodCase]
        let adapters: [String: [(adapter: Adapter, contentRoot: Digest)]]
        let results: [String: Tensor]

        init() throws {
            let document = try document(MethodCase.folder + "cases.json")
            let factors = try SafetensorsFile(MethodCase.folder + "adapters.safetensors").entries
            let seed = try required(document["seed"]?.integer, "seed")
            cases = try required(document["cases"]?.array, "cases").map { try MethodCase($0, seed: UInt64(seed)) }
            results = try SafetensorsFile(MethodCase.folder + "results.safetensors").entries.mapValues {
                try $0.tensor()
            }
            var adapters: [String: [(adapter: Adapter, contentRoot: Digest)]] = [:]
            for (set, members) in try required(document["adapters"]?.map, "adapters") {
                adapters[set] = try required(members.array, set).enumerated().map { index, member in
                    let prefix = "\(set).\(index)."
                    let names = factors.keys.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".A") }
                    let rank = try required(member["rank"]?.integer, "rank")
                    let alpha = try required(member["alpha"]?.number, "alpha")
                    let modules = try names.map { key in
                        let name = String(key.dropFirst(prefix.count).dropLast(2))
                        return try AdaptedModule(
                            name: name,
                            update: LowRankUpdate(
                                kind: .linear, a: required(factors[key], key).tensor(),
                                b: required(factors[prefix + name + ".B"], name).tensor(), rank: rank, alpha: alpha,
                                scalingRule: .alphaOverRank))
                    }
                    let root = try required(member["contentRoot"]?.string.flatMap(Digest.init(parsing:)), "a root")
                    return (try Adapter(base: BaseModel(name: "base"), modules: modules), root)
                }
            }
            self.adapters = adapters
        }
    }

    private init(_ case: MetadataValue, seed: UInt64) throws {
        name = try required(`case`["name"]?.string, "name")
        set = try required(`case`["set"]?.string, "set")
        source = try required(`case`["source"]?.string, "source")
        weights = try required(`case`["weights"]?.array, "weights").map { try required($0.number, "a weight") }
        let method = try required(
            `case`["method"]?.string.flatMap(MergeMethod.init(rawValue:)), "the method of \(name)")
        var options = MergeOptions(
            method: method, rank: `case`["rank"]?.integer, density: `case`["density"]?.number,
            gamma: `case`["gamma"]?.number, lambda: `case`["lambda"]?.number,
            majority: `case`["majority"]?.string.flatMap(SignMajority.init(rawValue:)),
            unit: `case`["by"]?.string.flatMap(CombinationUnit.init(rawValue:)),
            inner: `case`["inner"]?.string.flatMap(MergeMethod.init(rawValue:)), dtype: .f32)
        options.seed = seed
        // The seed goes only to methods that draw.
        if code({ try options.check() }) == .invalidOption { options.seed = nil }
        self.options = options
    }

    func inputs() throws -> [MergeInput] {
        let adapters = try required(MethodCase.shared.get().adapters[set], set)
        return zip(adapters, weights).enumerated().map { index, element in
            MergeInput(
                adapter: element.0.adapter, weight: element.1, label: "\(index)", contentRoot: element.0.contentRoot)
        }
    }

    /// The names of what the other program has.
    func resultNames() throws -> Set<String> {
        Set(
            try MethodCase.shared.get().results.keys.filter { $0.hasPrefix(name + "/") }
                .map { String($0.dropFirst(name.count + 1)) })
    }

    /// What the other program has for a module.
    func result(_ module: String) throws -> Tensor {
        try required(MethodCase.shared.get().results["\(name)/\(module)"], "\(name)/\(module)")
    }
}
