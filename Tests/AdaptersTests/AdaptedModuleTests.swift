import AdapterTesting
import Adapters
import Tensors
import Testing

struct AdaptedModuleTests {
    private func tensor() throws -> Tensor {
        try Tensor(dtype: .u8, shape: #require(Shape([1])), bytes: [0])
    }

    private func parameter(_ role: TensorRole, _ name: String) throws -> ModuleParameter {
        ModuleParameter(role: role, name: name, tensor: try tensor())
    }

    private static let longest = String(repeating: "n", count: 1024)

    /// The numbers are the file format's (clause 7.3).
    @Test func `roles keep their numbers`() {
        #expect(TensorRole.allCases.map(\.rawValue) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(TensorRole(rawValue: 3) == .magnitude)
        #expect(TensorRole(rawValue: 0) == nil)
    }

    @Test(arguments: [
        "", "model.layers.0.q_proj", " ", "../../x", "a/b", "é水😀", "e\u{301}", "\u{80}", "\u{2028}", longest,
    ])
    func `names of modules and parameters are free`(name: String) throws {
        let module = try AdaptedModule(name: name, update: nil, parameters: [parameter(.full, name)])
        #expect(Array(module.name.utf8) == Array(name.utf8))
        #expect(module.parameters.map(\.name) == [name])
    }

    @Test(arguments: [
        "\0", "a\0b", "a\n", "\t", "\u{1F}", "a\u{7F}b", "\r\n", longest + "n", String(repeating: "é", count: 513),
    ])
    func `names with control characters and long ones are refused`(name: String) throws {
        let ofModule = #expect(throws: AdapterError.self) { try AdaptedModule(name: name, update: nil) }
        #expect(ofModule?.code == .invalidName)
        let ofParameter = #expect(throws: AdapterError.self) {
            try AdaptedModule(name: "m", update: nil, parameters: [parameter(.full, name)])
        }
        #expect(ofParameter?.code == .invalidName)
        #expect(ofParameter?.module == "m")
    }

    @Test func `parameters are sorted by role and then by the bytes of their names`() throws {
        let expected: [(TensorRole, String)] = [
            (.magnitude, "z"), (.updateBias, ""), (.bias, "a"), (.full, ""), (.full, "Z"), (.full, "a"), (.full, "aa"),
            (.full, "e\u{302}"), (.full, "f"), (.full, "\u{E9}"), (.tokenRows, "b"), (.opaque, "a"), (.opaque, "b"),
        ]
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<20 {
            let shuffled = try expected.shuffled(using: &generator).map(parameter)
            let module = try AdaptedModule(name: "m", update: nil, parameters: shuffled)
            #expect(module.parameters.map(\.role) == expected.map(\.0))
            #expect(module.parameters.map { Array($0.name.utf8) } == expected.map { Array($0.1.utf8) })
        }
    }

    @Test(arguments: [
        ["a", "a"], ["", ""], ["a", "b", "c", "a"],
        // The same letter in two spellings, with a name between them in the order of bytes.
        ["\u{E9}", "e\u{301}"], ["\u{E9}", "f", "e\u{301}"], ["e\u{301}", "f", "g", "\u{E9}"],
    ])
    func `a name that occurs twice in one role is refused`(names: [String]) throws {
        let error = #expect(throws: AdapterError.self) {
            try AdaptedModule(name: "m", update: nil, parameters: names.map { try parameter(.full, $0) })
        }
        #expect(error?.code == .duplicateName)
        #expect(error?.module == "m")
    }

    @Test func `one name may stand in several roles`() throws {
        let module = try AdaptedModule(
            name: "m", update: nil, parameters: [parameter(.bias, "x"), parameter(.full, "x"), parameter(.opaque, "x")])
        #expect(module.parameters.count == 3)
        #expect(module.parameter(.full)?.role == .full)
        #expect(module.parameter(.magnitude) == nil)
    }

    @Test(arguments: [TensorRole.a, .b]) func `only an update has A and B`(role: TensorRole) throws {
        let error = #expect(throws: AdapterError.self) {
            try AdaptedModule(name: "m", update: nil, parameters: [parameter(role, "x")])
        }
        #expect(error?.code == .invalidRole)
        #expect(error?.module == "m")
    }

    @Test func `tensors are A, B and then the parameters`() throws {
        var generator = SeededGenerator(seed: 3)
        let update = try #require(
            try SampleAdapters.linear("m", input: 3, output: 4, rank: 2, alpha: 1, using: &generator).update)
        let module = try AdaptedModule(
            name: "m", update: update, parameters: [parameter(.opaque, "x"), parameter(.magnitude, "y")])
        #expect(module.tensors.map(\.role) == [.a, .b, .magnitude, .opaque])
        #expect(module.tensors.map(\.name) == ["", "", "y", "x"])
        #expect(module.tensors.map(\.tensor.shape.extents) == [[2, 3], [4, 2], [1], [1]])
        #expect(try AdaptedModule(name: "m", update: nil).tensors.isEmpty)
    }
}
