import AdapterTesting
import Adapters
import ByteCoding
import Tensors
import Testing

struct AdapterTests {
    private func modules(_ names: [String]) throws -> [AdaptedModule] {
        try names.map { try AdaptedModule(name: $0, update: nil) }
    }

    @Test func `modules are sorted by the bytes of their names`() throws {
        let sorted = ["", "Z", "a", "a.b", "a.b.c", "aa", "e\u{302}", "f", "z", "\u{E9}", "水", "\u{FF5E}", "😀"]
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<20 {
            let adapter = try Adapter(base: BaseModel(), modules: modules(sorted.shuffled(using: &generator)))
            #expect(adapter.modules.map { Array($0.name.utf8) } == sorted.map { Array($0.utf8) })
        }
    }

    @Test(arguments: [
        ["a", "a"], ["", ""], ["a", "b", "c", "d", "a"],
        // The same letter in two spellings, with a name between them in the order of bytes.
        ["\u{E9}", "e\u{301}"], ["e\u{301}", "f", "\u{E9}"], ["\u{E9}", "f", "g", "e\u{301}"],
        // Ångström sign, letter, and letter with combining ring.
        ["\u{212B}", "B", "A\u{30A}"], ["\u{C5}", "\u{212B}"],
    ])
    func `a name that occurs twice is refused`(names: [String]) throws {
        let error = #expect(throws: AdapterError.self) { try Adapter(base: BaseModel(), modules: modules(names)) }
        #expect(error?.code == .duplicateName)
        #expect(error.map { names.contains($0.module) } == true)
    }

    @Test func `too many modules are refused`() throws {
        let module = try AdaptedModule(name: "m", update: nil)
        let error = #expect(throws: AdapterError.self) {
            try Adapter(base: BaseModel(), modules: [AdaptedModule](repeating: module, count: 65_537))
        }
        #expect(error?.code == .limitExceeded)
        let most = try Adapter(base: BaseModel(), modules: modules((0..<65_536).map(String.init)))
        #expect(most.modules.count == 65_536)
    }

    @Test func `an adapter without modules is one`() throws {
        let adapter = try Adapter(base: BaseModel(), modules: [])
        #expect(adapter.ranks == [] && adapter.alphas == [] && adapter.dtypes == [] && adapter.targetModules == [])
        #expect(adapter.parameterCount == 0 && adapter.tensorByteCount == 0)
        #expect(adapter.behaviour == [:] && adapter.notes.isEmpty)
    }

    @Test func `summaries cover every module`() throws {
        var generator = SeededGenerator(seed: 5)
        let bias = ModuleParameter(
            role: .bias, name: "bias", tensor: try SampleAdapters.tensor([4], .f16, using: &generator))
        let adapter = try Adapter(
            base: BaseModel(name: "base"),
            modules: [
                SampleAdapters.linear("m.1.v_proj", input: 3, output: 4, rank: 2, alpha: 8, using: &generator),
                SampleAdapters.linear(
                    "m.0.q_proj", input: 3, output: 4, rank: 1, alpha: 8, dtype: .bf16, using: &generator),
                SampleAdapters.linear("m.1.q_proj", input: 3, output: 4, rank: 2, alpha: -1, using: &generator),
                AdaptedModule(name: "head.only_bias", update: nil, parameters: [bias]),
            ])
        #expect(adapter.updates.map(\.name) == ["m.0.q_proj", "m.1.q_proj", "m.1.v_proj"])
        #expect(adapter.ranks == [1, 2])
        #expect(adapter.alphas == [-1, 8])
        #expect(adapter.dtypes == [.f32, .f16, .bf16])
        #expect(adapter.targetModules == ["q_proj", "v_proj"])
        #expect(adapter.parameterCount == 2 * (2 * 3 + 4 * 2) + (3 + 4) + 4)
        #expect(adapter.tensorByteCount == 4 * 2 * (2 * 3 + 4 * 2) + 2 * (3 + 4) + 2 * 4)
    }

    @Test(arguments: [("", ""), (".", ""), ("...", ""), ("a", "a"), ("a.", "a"), (".a", "a"), ("a.b", "b")])
    func `the last component of any name is found`(name: String, target: String) throws {
        var generator = SeededGenerator(seed: 6)
        let module = try SampleAdapters.linear(name, input: 1, output: 1, rank: 1, alpha: 1, using: &generator)
        #expect(try Adapter(base: BaseModel(), modules: [module]).targetModules == [target])
    }

    @Test(arguments: 0..<4 as Range<UInt64>) func `the sample with everything holds everything`(seed: UInt64) throws {
        let adapter = try SampleAdapters.everything(seed: seed)
        #expect(Set(adapter.updates.map(\.update.kind)) == Set(WeightKind.allCases))
        #expect(Set(adapter.modules.flatMap { $0.tensors.map(\.role) }) == Set(TensorRole.allCases))
        // Blocks are made by conversion alone, and no foreign layout has them.
        #expect(adapter.dtypes == DType.allCases.filter { $0 != .q8 })
    }

    @Test func `an error is its message`() {
        let error = AdapterError(.duplicateName, "twice", module: "m")
        #expect("\(error)" == "twice")
        #expect("\(error.code)" == "duplicateName")
        #expect(AdapterError(.invalidName, "x").module == "")
    }

    @Test func `modules are found by the bytes of their names`() throws {
        let names = ["a", "ab", "b", "é", "z.q_proj", "z.v_proj"]
        let adapter = try Adapter(
            base: BaseModel(), modules: names.shuffled().map { try AdaptedModule(name: $0, update: nil) })
        for name in names { #expect(adapter.module(named: name)?.name == name) }
        for name in ["", "aa", "e\u{301}", "zz"] { #expect(adapter.module(named: name) == nil) }
    }
}
