import AdapterInterchange
import AdapterTesting
import FileSystem
import Tensors
import Testing

@Suite struct SafetensorsWriterTests {
    private func tensor(_ dtype: DType, _ extents: [Int], from first: Int = 0) throws -> Tensor {
        let shape = try #require(Shape(extents))
        let bytes = (0..<shape.elementCount * dtype.byteCount).map { UInt8(truncatingIfNeeded: first + $0) }
        return try Tensor(dtype: dtype, shape: shape, bytes: bytes)
    }

    private func write(_ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], _ folder: String)
        throws -> String
    {
        let file = try OutputFile(in: folder)
        try SafetensorsWriter.write(tensors, metadata: metadata, to: file)
        try file.commit(as: "\(folder)/out")
        return "\(folder)/out"
    }

    @Test func `order and header are the library's`() throws {
        // Printed by safetensors 0.8.0 for the same tensors.
        let expected =
            #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
            + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"s":{"dtype":"F32","shape":[],"#
            + #""data_offsets":[8,12]},"é\"":{"dtype":"F32","shape":[0,3],"data_offsets":[12,12]},"#
            + #""z":{"dtype":"BF16","shape":[1],"data_offsets":[12,14]}}"#
        try Scratch.with { folder in
            let tensors: [(name: String, tensor: Tensor)] = [
                ("z", try tensor(.bf16, [1], from: 12)), ("é\"", try tensor(.f32, [0, 3])),
                ("b", try tensor(.f32, [1], from: 4)), ("s", try tensor(.f32, [], from: 8)),
                ("a", try tensor(.f32, [1])),
            ]
            let bytes = try Scratch.contents(write(tensors, metadata: ["format": "pt"], folder))
            let padding = (8 - expected.utf8.count % 8) % 8
            let header = expected + String(repeating: " ", count: padding)
            #expect(bytes == Scratch.safetensors(header, 14))
            let reversed = try Scratch.contents(write(tensors.reversed(), metadata: ["format": "pt"], folder))
            #expect(reversed == bytes)
        }
    }

    @Test func `element types come in the library's order`() throws {
        try Scratch.with { folder in
            let tensors = try DType.allCases.filter { $0 != .q8 }.map { ($0.description, try tensor($0, [4])) }
            let file = try SafetensorsFile(opening: write(tensors, folder))
            // Printed by safetensors 0.8.0 for tensors of these types.
            #expect(file.entries.map(\.dtypeName) == ["F32", "I32", "BF16", "F16", "F8_E4M3", "F8_E5M2", "I8", "U8"])
            for (name, tensor) in tensors {
                let entry = try #require(file.entry(named: name))
                let again = try file.tensor(entry)
                #expect(again.dtype == tensor.dtype)
                #expect(try again.bytes() == tensor.bytes())
            }
        }
    }

    @Test func `blocks have no type in safetensors`() throws {
        try Scratch.with { folder in
            let blocks = try Tensor(
                dtype: .q8, shape: #require(Shape([2])), bytes: [UInt8](repeating: 0, count: 34))
            let error = #expect(throws: InterchangeError.self) { try write([("a", blocks)], folder) }
            #expect(error?.code == .unsupportedDType)
        }
    }

    @Test func `tensors larger than a piece come back`() throws {
        try Scratch.with { folder in
            let large = try tensor(.f16, [700, 1001])
            let file = try SafetensorsFile(opening: write([("large", large), ("small", tensor(.f32, [1]))], folder))
            let again = try file.tensor(try #require(file.entry(named: "large")))
            #expect(try again.bytes() == large.bytes())
            #expect(try again.bytes(in: 1_048_570..<1_048_586) == large.bytes(in: 1_048_570..<1_048_586))
        }
    }

    @Test func `names that collide are refused`() throws {
        try Scratch.with { folder in
            for names in [["a", "a"], ["__metadata__"]] {
                let tensors = try names.map { ($0, try tensor(.u8, [1])) }
                let error = #expect(throws: InterchangeError.self) { try write(tensors, folder) }
                #expect(error?.code == .invalidTensors)
            }
            #expect(try Directory.names(in: folder).isEmpty)
        }
    }
}
