import ByteCoding
import Tensors

/// BD-LoRA's settings: which modules store a factor as the narrow form of a block-diagonal matrix.
struct PEFTBlocks {
    /// The number of blocks.
    let count: Int
    private let downParts: [String]
    private let upParts: [String]

    /// The settings of a configuration, nil when it has none.
    init?(_ fields: PEFTFields) throws {
        guard let value = fields.document["use_bdlora"], !value.isNull, value != false else { return nil }
        guard let entries = value.map else { throw PEFTFields.wrongType("use_bdlora", "an object") }
        let inner = PEFTFields(document: entries)
        count = try inner.integer("nblocks") ?? 1
        guard (1...BlockDiagonalMatrix.maximumBlockCount).contains(count) else {
            throw InterchangeError(
                .limitExceeded,
                "use_bdlora asks for \(count) blocks, 1 to \(BlockDiagonalMatrix.maximumBlockCount) are possible",
                name: "use_bdlora")
        }
        downParts = try inner.strings("target_modules_bd_a") ?? []
        upParts = try inner.strings("target_modules_bd_b") ?? []
    }

    /// Which factor of a module is narrow: A, else B, else none. PEFT asks whether the name contains a part.
    func factor(of module: String, budget: inout Int) -> PEFTKey.Slot? {
        budget -= (downParts.count + upParts.count) * module.utf8.count
        if downParts.contains(where: { contains($0, module) }) { return .a }
        if upParts.contains(where: { contains($0, module) }) { return .b }
        return nil
    }

    private func contains(_ part: String, _ name: String) -> Bool {
        let part = Array(part.utf8)
        let name = Array(name.utf8)
        guard part.count <= name.count else { return false }
        return (0...name.count - part.count).contains { name[$0..<$0 + part.count].elementsEqual(part) }
    }
}
