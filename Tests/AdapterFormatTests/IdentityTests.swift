import AdapterFormat
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Foundation
import Integrity
import Tensors
import Testing

/// Clause 9.7: what the content root depends on and what it does not.
@Suite struct IdentityTests {
    @Test func `The root depends on neither codec, alignment, notes nor provenance`() throws {
        let adapter = try SampleAdapters.everything(seed: 5)
        var other = adapter
        other.notes = AdapterNotes(message: "another", labels: ["a": "b"])
        var bare = adapter
        bare.notes = AdapterNotes()
        var roots: Set<Digest> = []
        for codec in WritingCodec.allCases {
            for variant in [adapter, other, bare] {
                for provenance in [nil, TestAdapters.provenance] {
                    roots.insert(try root(variant, codec, provenance))
                }
            }
        }
        #expect(roots.count == 1)
    }

    @Test(arguments: [UInt32(1), 2, 8, 64, 256, 4096])
    func `The root does not depend on the alignment`(alignment: UInt32) throws {
        var file = try specFile(.zstd)
        let expected = file.contentRoot
        file.fixed.alignment = alignment
        file.padChunks()
        try withFile(file.sealed()) { path in
            let opened = try AdapterFile(opening: path)
            _ = try opened.verify()
            #expect(opened.contentRoot.bytes == expected)
            try expectSame(opened.adapter, TestAdapters.small())
        }
    }

    @Test func `Every bit of every value counts`() throws {
        let adapter = try TestAdapters.small()
        var roots: Set<Digest> = [try root(adapter)]
        var count = 1
        for (index, module) in adapter.modules.enumerated() {
            for (position, tensor) in module.tensors.enumerated() {
                for bit in 0..<8 * tensor.tensor.byteCount where tensor.tensor.byteCount <= 64 || bit % 97 == 0 {
                    let changed = try replacingTensor(adapter, index, position) { tensor in
                        var bytes = try tensor.bytes()
                        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                        return try Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
                    }
                    roots.insert(try root(changed))
                    count += 1
                }
            }
        }
        #expect(roots.count == count)
    }

    @Test func `A bit in each tensor of every kind, role and type counts`() throws {
        var generator = SeededGenerator(seed: 6)
        let adapter = try SampleAdapters.everything(seed: 5)
        var roots: Set<Digest> = [try root(adapter)]
        var count = 1
        for (index, module) in adapter.modules.enumerated() {
            for (position, tensor) in module.tensors.enumerated() where tensor.tensor.byteCount > 0 {
                let bit = Int.random(in: 0..<8 * tensor.tensor.byteCount, using: &generator)
                let changed = try replacingTensor(adapter, index, position) { tensor in
                    var bytes = try tensor.bytes()
                    bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                    return try Tensor(dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
                }
                roots.insert(try root(changed))
                count += 1
            }
        }
        #expect(roots.count == count)
    }

    @Test func `Names, shapes, types, ranks, scaling, kind, base and behaviour count`() throws {
        let adapter = try TestAdapters.small()
        let linear = adapter.modules[0]
        let head = adapter.modules[1]
        let update = try #require(linear.update)
        func replacing(_ module: AdaptedModule, at index: Int = 0) throws -> Adapter {
            var modules = adapter.modules
            modules[index] = module
            return try Adapter(base: adapter.base, modules: modules, behaviour: adapter.behaviour)
        }
        func replacing(
            kind: WeightKind = .linear, a: [Int] = [2, 4], b: [Int] = [3, 2], rank: Int = 2, alpha: Double = 4,
            rule: ScalingRule = .alphaOverRank
        ) throws -> Adapter {
            try replacing(
                AdaptedModule(
                    name: linear.name,
                    update: LowRankUpdate(
                        kind: kind, a: update.a.reshaped(a), b: update.b.reshaped(b), rank: rank, alpha: alpha,
                        scalingRule: rule), parameters: linear.parameters))
        }
        func replacing(base: BaseModel) throws -> Adapter {
            try Adapter(base: base, modules: adapter.modules, behaviour: adapter.behaviour)
        }
        func renaming(_ index: Int, role: TensorRole = .full, _ name: String) throws -> Adapter {
            var parameters = head.parameters
            parameters[index] = ModuleParameter(role: role, name: name, tensor: parameters[index].tensor)
            return try replacing(AdaptedModule(name: head.name, update: nil, parameters: parameters), at: 1)
        }
        func retyping(_ dtype: DType, _ extents: [Int]) throws -> Adapter {
            try replacingTensor(adapter, 1, 1) { tensor in
                try Tensor(dtype: dtype, shape: #require(Shape(extents)), bytes: try tensor.bytes())
            }
        }
        let variants: [(String, Adapter)] = [
            ("nothing", adapter),
            (
                "module name",
                try replacing(AdaptedModule(name: "a.line", update: update, parameters: linear.parameters))
            ),
            (
                "module dropped",
                try Adapter(base: adapter.base, modules: Array(adapter.modules.dropLast()), behaviour: ["x": true])
            ),
            ("parameter dropped", try replacing(AdaptedModule(name: linear.name, update: update))),
            (
                "update dropped",
                try replacing(AdaptedModule(name: linear.name, update: nil, parameters: linear.parameters))
            ),
            ("parameter name", try renaming(0, "one")), ("other parameter name", try renaming(1, "weights")),
            ("parameter role", try renaming(1, role: .opaque, "weight")),
            ("bias", try renaming(1, role: .bias, "weight")),
            ("dtype", try retyping(.u8, [2, 2])), ("f8", try retyping(.f8e4m3, [2, 2])),
            ("f8", try retyping(.f8e5m2, [2, 2])),
            ("shape", try retyping(.i8, [4])), ("shape", try retyping(.i8, [4, 1])),
            ("shape", try retyping(.i8, [1, 4])),
            ("shape and dtype", try retyping(.f32, [])), ("shape and dtype", try retyping(.i32, [])),
            ("shape and dtype", try retyping(.i32, [1])), ("shape and dtype", try retyping(.f16, [2])),
            ("shape and dtype", try retyping(.bf16, [2])),
            ("rank", try replacing(a: [1, 8], b: [6, 1], rank: 1)), ("alpha", try replacing(alpha: 4.0.nextUp)),
            ("alpha", try replacing(alpha: -4)), ("alpha", try replacing(alpha: 0)),
            ("alpha", try replacing(alpha: -0.0)),
            ("scaling rule", try replacing(rule: .alphaOverSquareRootOfRank)),
            ("kind", try replacing(kind: .transposedLinear)), ("kind", try replacing(kind: .embedding)),
            ("base", try replacing(base: BaseModel())), ("base", try replacing(base: BaseModel(name: "test/bas"))),
            ("base", try replacing(base: BaseModel(revision: "test/base"))),
            ("base", try replacing(base: BaseModel(name: "test/base", revision: ""))),
            ("base", try replacing(base: BaseModel(name: "test/base", digest: SHA256.hash([])))),
            ("behaviour", try Adapter(base: adapter.base, modules: adapter.modules)),
            ("behaviour", try Adapter(base: adapter.base, modules: adapter.modules, behaviour: ["x": false])),
            ("behaviour", try Adapter(base: adapter.base, modules: adapter.modules, behaviour: ["x": 1])),
            ("behaviour", try Adapter(base: adapter.base, modules: adapter.modules, behaviour: ["x": 1.0])),
            ("behaviour", try Adapter(base: adapter.base, modules: adapter.modules, behaviour: ["x": nil])),
            (
                "behaviour",
                try Adapter(base: adapter.base, modules: adapter.modules, behaviour: ["x": true, "y": true])
            ),
        ]
        var names: [Digest: String] = [:]
        for (name, variant) in variants {
            let root = try root(variant)
            #expect(names[root] == nil, "\(name) has the root of \(names[root] ?? "")")
            names[root] = name
        }
    }

    @Test func `A convolution's rank and groups count`() throws {
        let a = try TestAdapters.tensor([2, 3, 1], Array(repeating: 0.5, count: 6))
        let b = try TestAdapters.tensor([4, 1, 1], Array(repeating: 0.5, count: 4))
        func adapter(_ kind: WeightKind, _ b: [Int]) throws -> Adapter {
            let values = try TestAdapters.tensor(b, Array(repeating: 0.5, count: 4))
            let update = try LowRankUpdate(
                kind: kind, a: a, b: values, rank: 2, alpha: 1, scalingRule: .alphaOverRank)
            return try Adapter(base: BaseModel(), modules: [AdaptedModule(name: "c", update: update)])
        }
        #expect(b.byteCount == 16)
        #expect(try root(adapter(.convolution, [4, 1, 1])) != root(adapter(.convolution, [2, 2, 1])))
    }

    private func root(
        _ adapter: Adapter, _ codec: WritingCodec = .raw, _ provenance: Provenance? = nil
    ) throws -> Digest {
        try AdapterFileWriter.write(
            adapter, to: OutputFile(in: NSTemporaryDirectory()), codec: codec,
            provenance: provenance.map { p in { p } }
        ).contentRoot
    }

    /// The adapter with one tensor of one module exchanged.
    private func replacingTensor(
        _ adapter: Adapter, _ index: Int, _ position: Int, _ change: (Tensor) throws -> Tensor
    ) throws -> Adapter {
        let module = adapter.modules[index]
        var tensors = module.tensors.map(\.tensor)
        tensors[position] = try change(tensors[position])
        let update = try module.update.map { update in
            try LowRankUpdate(
                kind: update.kind, a: tensors[0], b: tensors[1], rank: update.rank, alpha: update.alpha,
                scalingRule: update.scalingRule)
        }
        let rest = tensors.dropFirst(update == nil ? 0 : 2)
        var modules = adapter.modules
        modules[index] = try AdaptedModule(
            name: module.name, update: update,
            parameters: zip(module.parameters, rest).map { parameter, tensor in
                ModuleParameter(role: parameter.role, name: parameter.name, tensor: tensor)
            })
        return try Adapter(base: adapter.base, modules: modules, behaviour: adapter.behaviour, notes: adapter.notes)
    }
}
