internal import Adapters
internal import ByteCoding

/// One record of `MODL` (spec clause 6.2).
struct ModuleRecord {
    var name: UInt32
    /// Nil stands for kind 0, a module without low-rank update.
    var kind: WeightKind?
    var scalingRule: ScalingRule
    var rank: Int
    var firstTensor: Int
    var tensorCount: Int
    var alpha: Double

    init(
        name: UInt32, kind: WeightKind?, scalingRule: ScalingRule, rank: Int, firstTensor: Int, tensorCount: Int,
        alpha: Double
    ) {
        self.name = name
        self.kind = kind
        self.scalingRule = scalingRule
        self.rank = rank
        self.firstTensor = firstTensor
        self.tensorCount = tensorCount
        self.alpha = alpha
    }

    init(from reader: inout ByteReader) throws {
        let start = reader.position
        func invalid(_ reason: String) -> FormatError {
            FormatError(.malformedTable, "A module record is invalid: \(reason).", byteOffset: start)
        }
        name = UInt32(try reader.readWord(byteCount: 4))
        let kindNumber = UInt8(try reader.readWord(byteCount: 1))
        let ruleNumber = UInt8(try reader.readWord(byteCount: 1))
        try reader.expectZeros(2)
        rank = try reader.readCount(UInt32.self)
        firstTensor = try reader.readCount(UInt32.self)
        tensorCount = try reader.readCount(UInt32.self)
        try reader.expectZeros(4)
        let alphaBits = try reader.readWord(byteCount: 8)
        alpha = Double(bitPattern: alphaBits)
        kind = WeightKind(rawValue: kindNumber)
        guard kindNumber == 0 || kind != nil else { throw invalid("kind \(kindNumber) is not known") }
        guard let rule = ScalingRule(rawValue: ruleNumber) else {
            throw invalid("scaling rule \(ruleNumber) is not known")
        }
        scalingRule = rule
        guard alpha.isFinite else { throw invalid("alpha is not finite") }
        guard tensorCount >= 1 else { throw invalid("it has no tensor") }
        guard kind != nil || (ruleNumber == 0 && rank == 0 && alphaBits == 0) else {
            throw invalid("it has a rank or a scaling without a low-rank update")
        }
    }

    func write(to writer: inout ByteWriter) {
        writer.write(name)
        writer.write(kind?.rawValue ?? 0)
        writer.write(scalingRule.rawValue)
        writer.write(UInt16(0))
        writer.write(UInt32(rank))
        writer.write(UInt32(firstTensor))
        writer.write(UInt32(tensorCount))
        writer.write(UInt32(0))
        writer.write(alpha.bitPattern)
    }
}
