import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

@Suite struct EnergyTests {
    @Test func `the share of every method's result equals NumPy's of the dense result`() throws {
        let energies = try required(AnalysisOracle.cases.get()["energies"]?.map, "energies")
        let ranks = try AnalysisOracle.numbers(try AnalysisOracle.cases.get()["ranks"]).map { Int($0) }
        var methods: Set<MergeMethod> = []
        for `case` in MethodCase.all where `case`.source == "definition" && `case`.options.rank == nil {
            let expected = try required(energies[`case`.name], `case`.name)
            let profile = try EnergyProfile(of: `case`.inputs(), options: `case`.options, ranks: ranks)
            #expect(profile.ranks == ranks && profile.method == `case`.options.method)
            for module in profile.modules {
                let truth = try AnalysisOracle.numbers(expected[module.name])
                // The results are stored as binary32, and the range finder's leading values are near the best.
                #expect(agree(module.kept, truth, 2e-3), "\(`case`) \(module.name) \(module.kept) \(truth)")
            }
            methods.insert(`case`.options.method)
        }
        #expect(methods.count >= 14)
    }

    @Test(arguments: MethodLawTests.seeds)
    func `a sum keeps what its singular values say, and everything at full rank`(_ seed: UInt64) throws {
        let inputs = try MethodLawTests.inputs(seed, [0.7, -1.2])
        let profile = try EnergyProfile(of: inputs, options: MergeOptions(), ranks: [5, 1, 2, 2])
        #expect(profile.ranks == [1, 2, 5])
        for rank in profile.ranks {
            let certificate = try Merge.merge(inputs, options: MergeOptions(rank: rank, dtype: .f32)).certificate()
            let index = try required(profile.ranks.firstIndex(of: rank), "rank")
            for module in certificate.modules {
                let lost = module.relativeTruncationError * module.relativeTruncationError
                let kept = try required(profile.modules.first { $0.name == module.name }, module.name).kept[index]
                #expect((1 - lost - kept).magnitude < 1e-10, "seed \(seed)")
            }
            let lost = certificate.relativeTruncationError * certificate.relativeTruncationError
            #expect((1 - lost - profile.kept[index]).magnitude < 1e-10, "seed \(seed)")
        }
        #expect(agree(profile.kept[2], 1, 1e-12))
    }

    @Test func `methods that have no such result are refused`() throws {
        let inputs = try MethodLawTests.inputs(1, [1, 1, 1])
        for (method, count) in [(MergeMethod.compatLinear, 2), (.compatTIES, 3), (.slerp, 3), (.compressThenMerge, 3)] {
            let inputs = Array(inputs.prefix(count))
            let refusal = code { try EnergyProfile(of: inputs, options: MergeOptions(method: method), ranks: [1]) }
            #expect(refusal == .invalidOption, "\(method)")
        }
    }
}
