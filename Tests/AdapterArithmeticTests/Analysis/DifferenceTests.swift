import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

@Suite struct DifferenceTests {
    @Test func `distances equal NumPy's of the dense matrices`() throws {
        for entry in try AnalysisOracle.entries("differences") {
            let names = try AnalysisOracle.adapters(entry)
            let difference = try AdapterDifference(
                AnalysisOracle.input(names[0]), AnalysisOracle.input(names[1]))
            let modules = try required(entry["modules"]?.map, "modules")
            #expect(Set(difference.modules.map(\.name)) == Set(modules.keys), "\(names)")
            for module in difference.modules {
                let (found, expected) = (try required(module.update, module.name), modules[module.name])
                let truth = try ["first", "second", "difference"].map { try AnalysisOracle.number(expected, $0) }
                let values = [found.first, found.second, try required(found.difference, module.name)]
                #expect(agree(values, truth, 1e-10), "\(names) \(module.name) \(values) \(truth)")
            }
        }
    }

    @Test func `equal adapters have no distance, other factors of one product hardly any`() throws {
        let input = try AnalysisOracle.input("llama-task-a")
        let same = try AdapterDifference(input, input)
        #expect(same.largestRelativeDistance == 0 && same.modules.allSatisfy(\.fields.isEmpty))
        let truncated = try Merge.merge([input], options: MergeOptions(rank: 3, dtype: .f32)).adapter
        let again = try Merge.merge(
            [MergeInput(adapter: truncated, label: "x"), MergeInput(adapter: truncated, weight: 0.5, label: "x")],
            options: MergeOptions(method: .cat, dtype: .f32)
        ).adapter
        let scaled = try Merge.merge([MergeInput(adapter: truncated, weight: 1.5, label: "x")]).adapter
        let difference = try AdapterDifference(
            MergeInput(adapter: again, label: "x"), MergeInput(adapter: scaled, label: "y"))
        #expect(difference.largestRelativeDistance < 1e-6)
        #expect(difference.modules.allSatisfy { $0.fields.contains { $0.path == "rank" } })
    }

    @Test func `what only one adapter has counts in full`() throws {
        let (one, two) = (try AnalysisOracle.input("llama-task-a"), try AnalysisOracle.input("llama-dora"))
        let (there, back) = (try AdapterDifference(one, two), try AdapterDifference(two, one))
        #expect(there.update.difference == back.update.difference)
        for (module, mirrored) in zip(there.modules, back.modules) {
            #expect(module.isInFirst == mirrored.isInSecond && module.update?.first == mirrored.update?.second)
            for parameter in module.parameters {
                #expect(parameter.role == .magnitude && parameter.distance.first == 0)
                #expect(parameter.distance.relative == 1)
            }
        }
        #expect(there.modules.contains { !$0.parameters.isEmpty })
        #expect(there.modules.contains { $0.isInFirst != $0.isInSecond && $0.update?.relative == 1 })
    }

    @Test func `other shapes cannot be subtracted`() throws {
        var generator = SeededGenerator(seed: 4)
        let inputs = try [Sample(name: "q", out: 4), Sample(name: "q", out: 5)].map {
            MergeInput(adapter: try sampleAdapter([$0], using: &generator), label: "x")
        }
        let module = try AdapterDifference(inputs[0], inputs[1]).modules[0]
        #expect(module.update?.difference == nil && module.update?.relative == .infinity)
        #expect(module.fields.map(\.path) == ["weight"])
        #expect(module.largestRelativeDistance == .infinity)
    }

    @Test func `parameters are compared by value`() throws {
        func input(_ values: [Double], _ dtype: DType = .f32) throws -> MergeInput {
            let parameter = ModuleParameter(
                role: .bias, name: "bias", tensor: try tensor(values, [values.count], dtype))
            return MergeInput(
                adapter: try Adapter(
                    base: BaseModel(), modules: [AdaptedModule(name: "q", update: nil, parameters: [parameter])]),
                label: "x")
        }
        func relative(_ first: MergeInput, _ second: MergeInput) throws -> Double {
            try AdapterDifference(first, second).largestRelativeDistance
        }
        #expect(try relative(input([3, 4]), input([3, 4], .bf16)) == 0)
        #expect(try relative(input([3, 4]), input([0, 0])) == 1)
        #expect(try relative(input([3, 4]), input([3, 4, 0])) == .infinity)
        #expect(try relative(input([.infinity, 4]), input([.infinity, 4])) == 0)
        #expect(try relative(input([.nan, 1]), input([.nan, 1])) == 0)
        #expect(try !(relative(input([.infinity, 4]), input([1, 4])) <= 1))
    }

    @Test func `documents are compared entry by entry`() {
        let first: MetadataValue = ["a": 1, "b": ["x": 1, "y": [1, 2]], "c": nil, "same": "s"]
        let second: MetadataValue = ["a": 1.5, "b": ["y": [1, 3], "z": ["deep": true]], "same": "s"]
        let differences = FieldDifference.between(first, second)
        #expect(differences.map(\.path) == ["a", "b.x", "b.y", "b.z.deep"])
        #expect(differences[1].first == 1 && differences[1].second == nil)
        #expect(differences[3].first == nil && differences[3].second == true)
        #expect(FieldDifference.between(first, first).isEmpty)
    }
}
