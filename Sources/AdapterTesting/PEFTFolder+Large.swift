import Foundation

extension PEFTFolder {
    /// Writes a folder with four modules in bf16, whose exponents can be compressed.
    ///
    /// - Parameter byteCount: the length of all tensors.
    public static func write(byteCount: Int, to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let (rank, moduleCount) = (64, 4)
        let width = byteCount / moduleCount / 2 / (2 * rank)
        var entries: [String: Any] = [:]
        var offset = 0
        for index in 0..<moduleCount {
            for (name, shape) in [("lora_A", [rank, width]), ("lora_B", [width, rank])] {
                let end = offset + 2 * rank * width
                entries["base_model.model.layers.\(index).q_proj.\(name).weight"] = [
                    "dtype": "BF16", "shape": shape, "data_offsets": [offset, end],
                ]
                offset = end
            }
        }
        var header = try JSONSerialization.data(withJSONObject: entries)
        header.append(Data(repeating: 0x20, count: 7 - (header.count + 7) % 8))
        let url = URL(fileURLWithPath: folder + "/adapter_model.safetensors")
        var file = withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) }
        file.append(header)
        var generator = SeededGenerator(seed: 41)
        // Sign, exponent and one bit of the mantissa are one of four; the rest of the mantissa is noise.
        var piece = generator.bytes(1 << 20)
        for index in stride(from: 1, to: piece.count, by: 2) { piece[index] = 0x3A + piece[index] & 3 }
        let end = file.count + offset
        while file.count < end { file.append(contentsOf: piece.prefix(end - file.count)) }
        try file.write(to: url)
        let configuration: [String: Any] = [
            "peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": ["q_proj"],
            "base_model_name_or_path": "test/base",
        ]
        try JSONSerialization.data(withJSONObject: configuration)
            .write(to: URL(fileURLWithPath: folder + "/adapter_config.json"))
    }
}
