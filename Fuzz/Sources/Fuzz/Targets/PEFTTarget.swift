import AdapterInterchange
import Adapters
import ByteCoding
import FileSystem
import Tensors

@testable import AdapterFormat
@testable import AdapterInterchange
@testable import ByteCoding

/// Configurations of PEFT with tensors.
///
/// The first byte chooses a fixed set of tensors for the document that follows; from 128 on, a zero byte and the header
/// of a safetensors file follow the document, and the tensors are those, all zero.
enum PEFTTarget: FuzzTarget {
    static let name = "peft"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        let folders = try Directory.names(in: "\(fixtures)/peft").map { "\(fixtures)/peft/\($0)/adapter_config.json" }
        let documents = try folders.filter { Directory.kind(of: $0) == .file }.map {
            Array(JSON.text(try JSON.parse(InputFile.contents(of: $0, limit: 1 << 20))).utf8)
        }
        let minimal: [(UInt8, String)] = [
            (0, #"{"peft_type":"LORA","r":4}"#),
            (0, #"{"peft_type":"LORA","rank_pattern":{"q_proj":4,"^model.*v_proj":4},"alpha_pattern":{"v":1.5}}"#),
            (0, #"{"peft_type":"LORA","r":4,"target_modules":".*\\.(q|v)_proj","use_rslora":true}"#),
            (0, #"{"peft_type":"LORA","r":4,"use_bdlora":{"nblocks":2,"target_modules_bd_a":["q_proj"]}}"#),
            (1, #"{"peft_type":"LORA","r":2,"use_dora":true,"lora_bias":true,"fan_in_fan_out":true}"#),
            (2, #"{"peft_type":"LORA","r":2,"target_parameters":["experts.down_proj","experts.gate_up_proj"]}"#),
            (2, #"{"peft_type":"LORA","r":8,"target_parameters":["down_proj"],"rank_pattern":{"e.down_proj":4}}"#),
            (3, #"{"peft_type":"LORA","r":2,"trainable_token_indices":[1,2],"modules_to_save":["head"]}"#),
        ]
        let headers = try folders.compactMap { path -> [UInt8]? in
            let folder = path.dropLast("adapter_config.json".count)
            let tensors = "\(folder)adapter_model.safetensors"
            guard Directory.kind(of: path) == .file, Directory.kind(of: tensors) == .file else { return nil }
            let file = try InputFile(opening: tensors)
            let length = Int(try file.read(at: 0, count: 8).integer(UInt64.self, at: 0))
            let document = JSON.text(try JSON.parse(InputFile.contents(of: path, limit: 1 << 20)))
            let seed = try [0x80] + Array(document.utf8) + [0] + file.read(at: 8, count: length)
            return seed.count <= 4096 ? seed : nil
        }
        return headers + documents.flatMap { document in (0..<4).map { [UInt8($0)] + document } }
            + minimal.map { [$0.0] + Array($0.1.utf8) }
    }

    static func isExpected(_ error: any Error) -> Bool {
        error is InterchangeError || error is AdapterError || error is ByteCodingError
    }

    static func run(_ input: [UInt8]) throws {
        guard let choice = input.first else { return }
        let parts = input[1...].split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let hasHeader = choice >= 0x80 && parts.count == 2
        let tensors = try hasHeader ? zeros(header: Array(parts[1])) : tensorSets[Int(choice) % tensorSets.count]
        let document = try JSON.parse(Array(hasHeader ? parts[0] : input[1...]))
        let configuration = try PEFTConfiguration(document)
        let interpretation = try PEFTInterpretation(tensors: tensors, configuration: configuration)
        let adapter = try Adapter(
            base: configuration.base, modules: interpretation.modules, behaviour: interpretation.behaviour,
            notes: AdapterNotes(
                source: SourceConfiguration(layout: PEFT.layout, configuration: document, fileMetadata: [:])))
        guard tensors.allSatisfy({ $0.tensor.byteCount <= 1 << 16 }) else { return }
        try checkExport(adapter, document, tensors)
        try checkStoring(adapter)
    }

    /// What was read and is written without a change has the same tensors and the same configuration.
    private static func checkExport(
        _ adapter: Adapter, _ document: MetadataValue, _ tensors: [(name: String, tensor: Tensor)]
    ) throws {
        do {
            let export = try PEFTExport(adapter)
            expect(.map(export.document) == document, "the configuration comes back")
            let exported = Dictionary(export.tensors.map { ($0.name, $0.tensor) }, uniquingKeysWith: { $1 })
            expect(exported.count == tensors.count, "all tensors come back")
            for (name, tensor) in tensors {
                guard let copy = exported[name] else { fail("the tensor '\(name)' is lost") }
                try expect(
                    copy.shape == tensor.shape && copy.dtype == tensor.dtype && copy.bytes() == tensor.bytes(),
                    "the tensor '\(name)' comes back")
            }
        } catch {
            fail("an adapter of PEFT cannot be given back: \(error)")
        }
    }

    /// What was read can be stored, and its documents are read from the file again.
    private static func checkStoring(_ adapter: Adapter) throws {
        do {
            _ = try FileLayout(adapter, codec: .raw, hasProvenance: false)
            let metadata = try IdentityMetadata(of: adapter).encoded()
            _ = try IdentityMetadata(from: metadata, baseOffset: 0)
            _ = try AdapterNotes(metadata: CBOR.decode(CBOR.encode(adapter.notes.metadata)))
        } catch {
            fail("an adapter of PEFT cannot be stored: \(error)")
        }
    }

    // MARK: Tensors

    private struct Zeros: TensorSource {
        func bytes(in range: Range<Int>) -> [UInt8] { [UInt8](repeating: 0, count: range.count) }
    }

    /// The tensors that a header describes, of a file that is as long as the header says.
    private static func zeros(header: [UInt8]) throws -> [(name: String, tensor: Tensor)] {
        let document = try JSON.parse(header).map ?? [:]
        let end = document.values.compactMap { $0["data_offsets"]?.array?.last?.integer }.max() ?? 0
        let entries = try SafetensorsHeader(parsing: header, dataByteCount: max(0, end)).entries
        return entries.compactMap { entry in
            guard let shape = Shape(entry.shape), let dtype = SafetensorsDType(rawValue: entry.dtypeName)?.dtype else {
                return nil
            }
            return (entry.name, Tensor(dtype: dtype, shape: shape, source: Zeros()))
        }
    }

    private static let tensorSets: [[(name: String, tensor: Tensor)]] = {
        func make(_ entries: [(String, [Int])]) -> [(name: String, tensor: Tensor)] {
            var generator = SeededGenerator(seed: 1)
            do {
                return try entries.map { name, extents in
                    ("base_model.model.\(name)", try SampleAdapters.tensor(extents, using: &generator))
                }
            } catch {
                fatalError("\(error)")
            }
        }
        func pair(_ module: String, rank: Int, input: Int, output: Int) -> [(String, [Int])] {
            [("\(module).lora_A.weight", [rank, input]), ("\(module).lora_B.weight", [output, rank])]
        }
        return [
            make(
                pair("model.layers.0.self_attn.q_proj", rank: 4, input: 8, output: 6)
                    + pair("model.layers.0.self_attn.v_proj", rank: 4, input: 8, output: 2)),
            make(
                pair("h.0.attn", rank: 2, input: 4, output: 6) + [
                    ("h.0.attn.lora_B.bias", [6]), ("h.0.attn.lora_magnitude_vector", [6]), ("h.0.attn.bias", [6]),
                    ("score.weight", [2, 4]), ("h.0.attn.lora_diag", [2]),
                ]),
            make(
                pair("layers.0.mlp.experts", rank: 8, input: 6, output: 4)
                    + pair("layers.0.mlp.experts.base_layer", rank: 8, input: 4, output: 6)),
            make(
                [
                    ("emb.lora_embedding_A", [2, 7]), ("emb.lora_embedding_B", [4, 2]),
                    ("conv.lora_A.weight", [2, 3, 3, 3]), ("conv.lora_B.weight", [4, 2, 1, 1]),
                    ("emb2.token_adapter.trainable_tokens_delta", [2, 4]), ("head.weight", [2, 4]),
                ]),
        ]
    }()
}
