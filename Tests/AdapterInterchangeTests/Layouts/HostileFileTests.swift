import AdapterInterchange
import AdapterTesting
import Adapters
import FileSystem
import Tensors
import Testing

/// Files that were cut short or changed end in an error or in an adapter, never in a trap, and take little time.
@Suite struct HostileFileTests {
    static let files = [
        "gguf/llama/adapter.gguf", "numpy/stored.npz", "numpy/deflated.npz", "kohya/lora/adapter.safetensors",
        "lycoris/lokr-tucker/adapter.safetensors", "mlx/switch/adapters.safetensors",
    ]

    private func options(_ name: String) throws -> ReadingOptions {
        let folder = "\(Fixtures.directory)/interchange"
        let bases = ["gguf": "gguf/llama/base", "kohya": "bases/tiny-diffusion", "lycoris": "bases/layers"]
        let base = bases[name.split(separator: "/").first.map(String.init) ?? ""]
        return ReadingOptions(base: try base.map { try BaseOutline(opening: "\(folder)/\($0)") })
    }

    /// Reads all of it.
    private func read(_ path: String, _ options: ReadingOptions) throws {
        let adapter = try ForeignLayout.detect(path).read(path, options: options).adapter
        for module in adapter.modules {
            for tensor in module.tensors { _ = try tensor.tensor.bytes() }
        }
    }

    @Test(arguments: files) func `every truncation is refused`(_ name: String) throws {
        let options = try options(name)
        try Scratch.with { folder in
            let bytes = try Scratch.contents("\(Fixtures.directory)/interchange/\(name)")
            // The last tensor of a GGUF file may lack its padding.
            for length in stride(from: 0, to: bytes.count - 32, by: 7) {
                try Scratch.withFile(folder, Array(bytes.prefix(length))) { path in
                    #expect(throws: InterchangeError.self) { try read(path, options) }
                }
            }
        }
    }

    @Test(arguments: files) func `changed bytes are refused or read`(_ name: String) throws {
        let options = try options(name)
        var generator = SeededGenerator(seed: 7)
        try Scratch.with { folder in
            let bytes = try Scratch.contents("\(Fixtures.directory)/interchange/\(name)")
            for _ in 0..<400 {
                var changed = bytes
                for _ in 0..<3 {
                    changed[Int(generator.next() % UInt64(min(bytes.count, 2000)))] = UInt8(
                        truncatingIfNeeded: generator.next())
                }
                try Scratch.withFile(folder, changed) { path in
                    do {
                        try read(path, options)
                    } catch is InterchangeError {
                        // Refused.
                    } catch let error as TensorError where error.code == .overflow {
                        // A product of two changed numbers does not fit f32.
                    }
                }
            }
        }
    }

    @Test func `an archive whose content was changed lacks its checksum`() throws {
        // Behind the first array's header, and in the first deflated stream.
        for (name, place) in [("stored", 240), ("deflated", 150)] {
            var bytes = try Scratch.contents("\(Fixtures.directory)/interchange/numpy/\(name).npz")
            bytes[place] ^= 1
            try Scratch.with { folder in
                let path = try Scratch.file(folder, bytes)
                let error = try #require(throws: InterchangeError.self) { try read(path, ReadingOptions()) }
                #expect(error.code == .damaged)
            }
        }
    }
}
