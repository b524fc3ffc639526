/// Collects little-endian integers and byte runs into one array.
package struct ByteWriter: Sendable {
    /// What has been written so far.
    package private(set) var bytes: [UInt8]

    package init(capacity: Int = 0) {
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Appends one integer of at most 64 bits, least significant byte first.
    package mutating func write<T: FixedWidthInteger>(_ value: T) {
        // The loop works on a concrete type: other modules call this without specialising it.
        writeWord(UInt64(truncatingIfNeeded: value), byteCount: T.bitWidth / 8)
    }

    private mutating func writeWord(_ value: UInt64, byteCount: Int) {
        for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    /// Appends bytes as they are.
    package mutating func write(_ run: some Sequence<UInt8>) {
        bytes.append(contentsOf: run)
    }

    /// Appends zeros until the length is a multiple of `alignment`.
    package mutating func pad(to alignment: Int) {
        bytes.append(contentsOf: repeatElement(0, count: bytes.count.padding(to: alignment)))
    }

    /// Overwrites bytes written earlier, for fields that are known last.
    package mutating func replace(at offset: Int, with run: [UInt8]) {
        bytes.replaceSubrange(offset..<offset + run.count, with: run)
    }
}
