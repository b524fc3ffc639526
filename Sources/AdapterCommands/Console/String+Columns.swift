extension Character {
    /// How many columns of a terminal it takes: 2 for the wide ones of East Asia and for pictures.
    var columnCount: Int {
        guard let scalar = unicodeScalars.first?.value, scalar >= 0x1100 else { return 1 }
        // The blocks of Unicode's EastAsianWidth.txt that are wide as a whole.
        let wide: [ClosedRange<UInt32>] = [
            0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF,
            0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF,
            0x20000...0x3FFFD,
        ]
        return wide.contains { $0.contains(scalar) } ? 2 : 1
    }
}

extension StringProtocol {
    /// How many columns of a terminal it takes.
    var columnCount: Int { utf8.count == unicodeScalars.count ? utf8.count : reduce(0) { $0 + $1.columnCount } }
}
