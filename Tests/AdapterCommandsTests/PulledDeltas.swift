import AdapterTesting
import Foundation
import Testing

/// ΔW by module from a pulled folder, from its configuration and raw bytes alone.
func pulledDeltas(_ folder: String) throws -> [String: [Double]] {
    let peft = try PEFTFolder(folder)
    func pattern(_ key: String, _ module: String, _ fallback: Double) -> Double {
        let patterns = peft.configuration[key] as? [String: Double] ?? [:]
        return patterns.first { pattern, _ in
            pattern == "^" + NSRegularExpression.escapedPattern(for: module) || pattern == module
        }?.value ?? fallback
    }
    let rank = try #require(peft.configuration["r"] as? Double)
    let alpha = try #require(peft.configuration["lora_alpha"] as? Double)
    var deltas: [String: [Double]] = [:]
    for (key, a) in peft.tensors where key.hasSuffix(".lora_A.weight") {
        let module = String(key.dropFirst("base_model.model.".count).dropLast(".lora_A.weight".count))
        let b = try #require(peft.tensors[key.replacing("lora_A", with: "lora_B")])
        let (inner, columns, rows) = (a.shape[0], a.shape[1], b.shape[0])
        #expect(Double(inner) == pattern("rank_pattern", module, rank))
        let scale = pattern("alpha_pattern", module, alpha) / Double(inner)
        let (left, right) = (try values(b), try values(a))
        var delta = [Double](repeating: 0, count: rows * columns)
        for row in 0..<rows {
            for k in 0..<inner {
                for column in 0..<columns {
                    delta[row * columns + column] += scale * left[row * inner + k] * right[k * columns + column]
                }
            }
        }
        deltas[module] = delta
    }
    return deltas
}

/// The elements of a tensor by its type's name in safetensors, decoded here and not by the product.
private func values(_ tensor: PEFTFolder.RawTensor) throws -> [Double] {
    func words<Word: FixedWidthInteger>(_ type: Word.Type) -> [Word] {
        tensor.bytes.withUnsafeBytes { buffer in
            stride(from: 0, to: buffer.count, by: MemoryLayout<Word>.size).map {
                Word(littleEndian: buffer.loadUnaligned(fromByteOffset: $0, as: Word.self))
            }
        }
    }
    switch tensor.dtype {
    case "F32": return words(UInt32.self).map { Double(Float(bitPattern: $0)) }
    case "BF16": return words(UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
    case "F16": return words(UInt16.self).map { Double(Float16(bitPattern: $0)) }
    case "F8_E4M3":
        return words(UInt8.self).map { code in
            let fraction = Double(code & 7) / 8
            let exponent = Int(code >> 3 & 15)
            let magnitude = exponent == 0 ? fraction / 64 : (1 + fraction) * pow(2, Double(exponent - 7))
            return code < 128 ? magnitude : -magnitude
        }
    default: throw UnknownType(name: tensor.dtype)
    }
}

private struct UnknownType: Error { let name: String }
