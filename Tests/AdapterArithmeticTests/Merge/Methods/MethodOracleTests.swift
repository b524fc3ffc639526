import AdapterArithmetic
import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

/// Every method against programs that share no code with it, ΔW to 10⁻⁵.
@Suite struct MethodOracleTests {
    static let dense = MethodCase.all.filter { !factorMethods.contains($0.options.method) }
    static let factorMethods: [MergeMethod] = [
        .compatLinear, .compatTIES, .compatDARELinear, .compatDARETIES, .compatMagnitudePrune,
    ]

    @Test func `Every method has a case, from mergekit and PEFT where they have it`() throws {
        _ = try MethodCase.shared.get()
        let covered = Set(MethodCase.all.map(\.options.method))
        #expect(Set(MergeMethod.allCases).subtracting(covered) == [.cat, .exact])
        #expect(Set(MethodCase.all.map(\.source)) == ["definition", "mergekit", "peft"])
    }

    @Test(arguments: dense)
    func `The result is the definition's`(oracle: MethodCase) throws {
        var options = oracle.options
        // In full, where the case cuts nothing off.
        if options.rank == nil { options.rank = 40 }
        let result = try Merge.merge(oracle.inputs(), options: options)
        let certificate = try result.certificate()
        try #require(try Set(result.adapter.updates.map(\.name)) == oracle.resultNames())
        try #require(result.adapter.updates.map(\.name) == certificate.modules.map(\.name))
        for (module, loss) in zip(result.adapter.updates, certificate.modules) {
            let expected = try oracle.result(module.name).doubles()
            let distance = relativeDistance(try module.update.dense(), expected)
            #expect(distance < 1e-5, "\(module.name): \(distance)")
            if oracle.options.rank == nil {
                #expect(loss.relativeTruncationError < 1e-6)
                #expect(agree(loss.deltaNorm, norm(expected), 1e-5))
            }
        }
    }

    @Test(arguments: MethodCase.all.filter { factorMethods.contains($0.options.method) })
    func `PEFT's factors, bit for bit`(oracle: MethodCase) throws {
        let result = try Merge.merge(oracle.inputs(), options: oracle.options)
        let names = result.adapter.updates.map(\.name)
        try #require(try Set(names.flatMap { [$0 + ".A", $0 + ".B"] }) == oracle.resultNames())
        try #require(try names == result.certificate().modules.map(\.name))
        for (name, update) in result.adapter.updates {
            #expect(try update.a.bytes() == oracle.result(name + ".A").bytes(), "A of \(name)")
            #expect(try update.b.bytes() == oracle.result(name + ".B").bytes(), "B of \(name)")
        }
        let sum = try Merge.merge(oracle.inputs(), options: MergeOptions(method: .cat)).adapter.dense()
        for (module, loss) in zip(result.adapter.updates, try result.certificate().modules) {
            let exact = try required(sum[module.name], module.name)
            #expect(agree(loss.truncationError, norm(difference(exact, try module.update.dense())), 1e-5))
            #expect(loss.truncationError > 0.01 * loss.deltaNorm, "the cross terms are large")
        }
    }

    @Test(arguments: [
        ("linear-rank4-pair", MergeMethod.compatLinear), ("linear-rank4-triple", .compatLinear),
        ("linear-bf16-ab", .compatLinear), ("ties-rank4-pair", .compatTIES), ("ties-rank4-triple", .compatTIES),
        ("ties-frequency-rank4-triple", .compatTIES), ("magnitude-prune-rank4-pair", .compatMagnitudePrune),
    ])
    func `The adapters that PEFT saves, bit for bit`(name: String, method: MergeMethod) throws {
        let (inputs, options) = try peftCase(name, method)
        let theirs = try PEFTFixture.load(folder: Fixtures.directory + "/peft-merges/" + name)
        let ours = try merged(inputs, options).adapter
        try #require(ours.updates.map(\.name) == theirs.updates.map(\.name))
        for (mine, other) in zip(ours.updates, theirs.updates) {
            #expect(try mine.update.a.bytes() == other.update.a.bytes(), "A of \(mine.name)")
            #expect(try mine.update.b.bytes() == other.update.b.bytes(), "B of \(mine.name)")
            #expect(mine.update.scaling == other.update.scaling)
        }
    }

    @Test(arguments: [
        ("ties-svd-rank4-pair", MergeMethod.compatTIESSVD),
        ("magnitude-prune-svd-rank4-pair", .compatMagnitudePruneSVD),
    ])
    func `PEFT's svd merges have the same effect`(name: String, method: MergeMethod) throws {
        let (inputs, options) = try peftCase(name, method)
        let theirs = try PEFTFixture.load(folder: Fixtures.directory + "/peft-merges/" + name).dense()
        #expect(largestDistance(try merged(inputs, options).adapter.dense(), theirs) < 1e-5)
    }

    private func peftCase(_ name: String, _ method: MergeMethod) throws -> ([(Adapter, Double)], MergeOptions) {
        let description = try document(Fixtures.directory + "/peft-merges/" + name + "/case.json")
        let inputs = try required(description["inputs"]?.array, "inputs").map {
            (
                try PEFTFixture.load(required($0["adapter"]?.string, "name")),
                try required($0["weight"]?.number, "weight")
            )
        }
        var options = MergeOptions(
            method: method, rank: description["svdRank"]?.integer, density: description["density"]?.number)
        if description["majoritySignMethod"]?.string == "frequency" { options.majority = .frequency }
        return (inputs, options)
    }
}
