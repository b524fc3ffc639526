import AdapterInterchange
import Adapters
import ByteCoding
import FileSystem
import Tensors

@testable import AdapterInterchange

/// What the targets of other tools' layouts have in common.
enum LayoutChecks {
    /// The base model that inputs are read under.
    static let base: BaseOutline = {
        do {
            return try BaseOutline(
                path: "base",
                modules: [
                    ("", "to_q", [8, 12]), ("", "ff_net.0", [12, 8]), ("", "conv_in", [8, 6, 3, 3]),
                    ("", "proj", [6, 8, 1, 1]),
                    ("unet", "mid.attn.to_k", [4, 6]), ("text_encoder", "encoder.layers.0.mlp.fc1", [8, 6]),
                ].map { BaseOutline.Module(component: $0.0, path: $0.1, shape: $0.2) },
                configuration: ["model_type": "llama", "num_attention_heads": 4, "num_key_value_heads": 2])
        } catch {
            fatalError("\(error)")
        }
    }()

    /// The files of a fixture folder that have that ending, small ones.
    static func files(_ fixtures: String, _ folder: String, ending: String) throws -> [[UInt8]] {
        let root = "\(fixtures)/interchange/\(folder)"
        return try Directory.files(below: root).filter { $0.hasSuffix(ending) && !$0.contains("expected") }.map {
            try InputFile.contents(of: "\(root)/\($0)", limit: 1 << 20)
        }
    }

    static func isExpected(_ error: any Error) -> Bool { error is InterchangeError }

    /// Reads an input in a layout; nil when some value does not fit f32, which shows when it is read.
    static func read(_ input: [UInt8], as layout: ForeignLayout) throws -> Adapter? {
        memoryFile.replace(with: input)
        let read = try layout.read(memoryFile.path, options: ReadingOptions(base: base, dropped: [.full, .dora]))
        guard read.adapter.tensorByteCount <= 1 << 20 else { return nil }
        do {
            for module in read.adapter.modules {
                for tensor in module.tensors {
                    try expect(
                        tensor.tensor.bytes().count == tensor.tensor.byteCount, "a tensor has the bytes of its shape")
                }
            }
            _ = try read.certificate?()
        } catch is TensorError {
            return nil
        }
        return read.adapter
    }

    /// Writes an adapter and reads it again.
    static func again(_ adapter: Adapter, as layout: ForeignLayout) throws -> Adapter? {
        let path = "\(scratchFolder)/fuzz-\(layout.rawValue)"
        do {
            let output = try layout.prepare(
                adapter, at: path,
                options: WritingOptions(base: base, dropped: Set(AdapterPart.allCases), replacing: true))
            return try withExtendedLifetime(output) {
                let read = try layout.read(output.temporaryPath, options: ReadingOptions(base: base)).adapter
                // In memory, as the file goes.
                for module in read.modules { for tensor in module.tensors { _ = try tensor.tensor.bytes() } }
                return read
            }
        } catch let error as InterchangeError where error.code == .notExpressible || error.code == .configMismatch {
            return nil
        } catch is TensorError {
            return nil
        } catch {
            fail("an adapter that was read cannot be written: \(error)")
        }
    }
}
