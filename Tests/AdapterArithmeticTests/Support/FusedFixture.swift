import AdapterArithmetic
import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Tensors

/// What PEFT's merge_and_unload made of a small base model and an adapter, in float64.
struct FusedFixture {
    let adapter: Adapter
    let base: BaseWeights
    /// The values of all tensors that changed.
    let expected: [String: Tensor]

    /// - Parameter dtype: the type that the base model's weights get; nil for their own, bf16.
    init(_ name: String, dtype: DType? = .f32) throws {
        let folder = Fixtures.directory + "/fused/" + name
        let document = try document(folder + "/case.json")
        adapter = try PEFT.read(folder: Fixtures.peft(try required(document["adapter"]?.string, "adapter")))
        base = try FusedFixture.base(try required(document["base"]?.string, "base"), dtype: dtype)
        expected = try SafetensorsFile(folder + "/weights.safetensors").entries.mapValues { try $0.tensor() }
    }

    static func base(_ name: String, dtype: DType? = .f32) throws -> BaseWeights {
        let model = try ModelFolder(opening: Fixtures.directory + "/models/" + name)
        var tensors: [String: Tensor] = [:]
        for entry in model.entries {
            let tensor = try model.tensor(entry)
            tensors[entry.name] = dtype.map { tensor.rounded(to: $0) } ?? tensor
        }
        return BaseWeights(tensors: tensors, configuration: try model.configuration() ?? [:], label: name)
    }

    static let names = (try? Directory.names(in: Fixtures.directory + "/fused")) ?? []
}

extension FusedModel {
    /// The values of a tensor of the result.
    func doubles(_ name: String) throws -> Dense {
        try required(weights.first { $0.name == name }, name).tensor.doubles()
    }

    var names: Set<String> { Set(weights.map(\.name)) }
}

func fused(_ inputs: [(Adapter, Double)], into base: BaseWeights) throws -> FusedModel {
    try Fuse.fuse(
        inputs.enumerated().map { MergeInput(adapter: $1.0, weight: $1.1, label: "input \($0)") }, into: base)
}
