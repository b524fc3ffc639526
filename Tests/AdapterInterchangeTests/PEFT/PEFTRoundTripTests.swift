import AdapterInterchange
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Tensors
import Testing

@Suite struct PEFTRoundTripTests {
    /// Every adapter of the fixtures: `NAME`, or `NAME/SUBFOLDER` for named ones.
    static let names: [String] = {
        let root = Fixtures.directory + "/peft"
        return ((try? Directory.names(in: root)) ?? []).flatMap { name in
            ((try? PEFT.adapterNames(in: "\(root)/\(name)")) ?? []).map { $0 == "default" ? name : "\(name)/\($0)" }
        }
    }()

    @Test func `the list of fixtures is complete`() {
        #expect(Self.names.count >= 59)
        #expect(Self.names.contains("llama-multi/tone"))
    }

    @Test(arguments: names)
    func `what PEFT wrote comes back byte for byte`(name: String) throws {
        let source = Fixtures.peft(name)
        let adapter = try PEFT.read(folder: source)
        #expect(!adapter.modules.isEmpty)
        try Scratch.with { folder in
            try PEFT.write(adapter, toFolder: "\(folder)/out")
            #expect(try Directory.names(in: "\(folder)/out") == [PEFT.configurationName, PEFT.tensorsName])
            for file in [PEFT.configurationName, PEFT.tensorsName] {
                #expect(try Scratch.contents("\(folder)/out/\(file)") == Scratch.contents("\(source)/\(file)"))
            }
        }
    }

    @Test(arguments: names)
    func `a configuration of our own means the same adapter`(name: String) throws {
        var adapter = try PEFT.read(folder: Fixtures.peft(name))
        adapter.notes.source = nil
        try Scratch.with { folder in
            try PEFT.write(adapter, toFolder: "\(folder)/out")
            try expectEqual(PEFT.read(folder: "\(folder)/out"), adapter)
        }
    }

    private func expectEqual(_ left: Adapter, _ right: Adapter) throws {
        #expect(left.base == right.base)
        #expect(left.behaviour == right.behaviour)
        #expect(left.modules.map(\.name) == right.modules.map(\.name))
        for (left, right) in zip(left.modules, right.modules) {
            #expect(left.update?.kind == right.update?.kind)
            #expect(left.update?.rank == right.update?.rank)
            #expect(left.update?.alpha == right.update?.alpha)
            #expect(left.update?.scalingRule == right.update?.scalingRule)
            #expect(left.tensors.map(\.role) == right.tensors.map(\.role))
            #expect(left.tensors.map(\.name) == right.tensors.map(\.name))
            for (left, right) in zip(left.tensors, right.tensors) {
                #expect(left.tensor.dtype == right.tensor.dtype)
                #expect(left.tensor.shape == right.tensor.shape)
                #expect(try left.tensor.bytes() == right.tensor.bytes())
            }
        }
    }

    @Test func `a base model that was named later is written`() throws {
        var adapter = try PEFT.read(folder: Fixtures.peft("llama-lora-f32"))
        adapter.base = BaseModel(name: "org/model", revision: "abc")
        try Scratch.with { folder in
            try PEFT.write(adapter, toFolder: "\(folder)/out")
            let again = try PEFT.read(folder: "\(folder)/out")
            #expect(again.base == adapter.base)
            var expected = try #require(adapter.notes.source?.configuration.map)
            expected["base_model_name_or_path"] = "org/model"
            expected["revision"] = "abc"
            #expect(again.notes.source?.configuration == .map(expected))
        }
    }

    /// Found by fuzzing: the wrapper of a parameter was narrowed because its module is one of BD-LoRA's.
    @Test func `a wrapper of a parameter is no block-diagonal factor`() throws {
        let tensors = #"""
            {"base_model.model.m.v_proj.lora_A.weight":{"dtype":"F32","shape":[4,8],"data_offsets":[0,128]},\#
            "base_model.model.m.v_proj.lora_B.weight":{"dtype":"F32","shape":[2,4],"data_offsets":[128,160]}}
            """#
        let configuration = #"""
            {"peft_type":"LORA","r":4,"target_parameters":["v_proj"],\#
            "use_bdlora":{"nblocks":2,"target_modules_bd_b":["v_proj"]}}
            """#
        try Scratch.with { folder in
            _ = try Scratch.file(folder, Array(configuration.utf8), name: PEFT.configurationName)
            _ = try Scratch.file(folder, Scratch.safetensors(tensors, 160), name: PEFT.tensorsName)
            let adapter = try PEFT.read(folder: folder)
            try PEFT.write(adapter, toFolder: "\(folder)/out")
            let again = try PEFT.read(folder: "\(folder)/out")
            #expect(again.notes.source == adapter.notes.source)
            #expect(again.modules.map { $0.update?.b.shape } == adapter.modules.map { $0.update?.b.shape })
        }
    }

    @Test func `an existing folder is not overwritten`() throws {
        let adapter = try PEFT.read(folder: Fixtures.peft("llama-lora-f32"))
        try Scratch.with { folder in
            _ = try Scratch.file(folder, [1])
            let error = #expect(throws: FileSystemError.self) { try PEFT.write(adapter, toFolder: folder) }
            #expect(error?.code == .alreadyExists)
        }
    }
}
