/// A cursor over untrusted bytes: every read is checked against what is left and throws instead of trapping.
///
/// The reader borrows the bytes and cannot outlive them. All integers are little-endian. What every field of a table goes
/// through may be inlined into other modules.
package struct ByteReader: ~Escapable {
    @usableFromInline let bytes: Span<UInt8>
    /// The next byte to read, counted from the start of the span.
    @usableFromInline package internal(set) var offset: Int
    /// Where the span lies in the whole input; added to the offsets that errors name.
    @usableFromInline let baseOffset: Int

    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, baseOffset: Int = 0) {
        self.bytes = bytes
        self.offset = 0
        self.baseOffset = baseOffset
    }

    /// The number of bytes not read yet.
    @inlinable package var remaining: Int { bytes.count - offset }

    /// Where the next byte lies in the whole input.
    @inlinable package var position: Int { baseOffset + offset }

    /// Reads one little-endian integer of at most 64 bits.
    package mutating func read<T: FixedWidthInteger>(_ type: T.Type) throws(ByteCodingError) -> T {
        T(truncatingIfNeeded: try readWord(byteCount: T.bitWidth / 8))
    }

    /// Reads an integer of at most eight bytes; not generic, so that other modules call it without specialising it.
    @inlinable package mutating func readWord(byteCount: Int) throws(ByteCodingError) -> UInt64 {
        try require(byteCount)
        let start = offset
        offset += byteCount
        // Within the span by the check above.
        switch byteCount {
        case 8:
            return UInt64(littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self))
        case 4:
            let word = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt32.self)
            return UInt64(UInt32(littleEndian: word))
        default:
            var value: UInt64 = 0
            for index in 0..<byteCount { value |= UInt64(bytes[start + index]) << UInt64(index * 8) }
            return value
        }
    }

    /// Reads `count` bytes into an array of their own.
    package mutating func read(count: Int) throws(ByteCodingError) -> [UInt8] {
        try require(count)
        let start = offset
        offset += count
        var run: [UInt8] = []
        run.reserveCapacity(count)
        for index in start..<offset { run.append(bytes[index]) }
        return run
    }

    /// Reads `count` bytes of UTF-8.
    package mutating func readUTF8(count: Int) throws(ByteCodingError) -> String {
        let start = position
        let raw = try read(count: count)
        guard let text = String(validating: raw, as: UTF8.self) else {
            throw ByteCodingError(.invalidUTF8, "\(count) bytes are not valid UTF-8", byteOffset: start)
        }
        return text
    }

    /// The next byte without consuming it, or nil at the end.
    package func peek() -> UInt8? {
        guard offset < bytes.count else { return nil }
        return bytes[offset]
    }

    /// Skips `count` bytes.
    package mutating func skip(_ count: Int) throws(ByteCodingError) {
        try require(count)
        offset += count
    }

    @inlinable func require(_ count: Int) throws(ByteCodingError) {
        guard count >= 0, count <= remaining else { throw shortage(count) }
    }

    @usableFromInline func shortage(_ count: Int) -> ByteCodingError {
        ByteCodingError(.endOfInput, "\(count) bytes expected, \(remaining) left", byteOffset: baseOffset + offset)
    }
}
