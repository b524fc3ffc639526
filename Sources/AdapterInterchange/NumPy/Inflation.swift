internal import CZlib

/// Raw deflate streams (RFC 1951).
enum Inflation {
    /// The content of a stream that has exactly that length; nil when it has another or is malformed.
    static func inflate(_ packed: [UInt8], byteCount: Int) throws -> [UInt8]? {
        guard packed.count < Int(UInt32.max), byteCount < Int(UInt32.max) else { return nil }
        var stream = unsafe z_stream()
        // A negative window size means a stream without a header.
        guard unsafe inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            return nil
        }
        defer { unsafe inflateEnd(&stream) }
        var input = packed
        var isWhole = false
        // One byte of room more than needed, so that a longer content shows.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount + 1) { buffer, initialized in
            initialized = 0
            unsafe input.withUnsafeMutableBufferPointer { packed in
                unsafe stream.next_in = packed.baseAddress
                unsafe stream.avail_in = UInt32(packed.count)
                unsafe stream.next_out = buffer.baseAddress
                unsafe stream.avail_out = UInt32(buffer.count)
                let status = unsafe CZlib.inflate(&stream, Z_FINISH)
                unsafe isWhole = status == Z_STREAM_END && stream.avail_in == 0
                unsafe initialized = buffer.count - Int(stream.avail_out)
            }
        }
        return isWhole && bytes.count == byteCount ? bytes : nil
    }
}

/// The checksum of zip archives.
enum Checksum {
    /// CRC-32 of bytes, or of those before and these.
    static func crc32(_ bytes: [UInt8], continuing checksum: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBufferPointer { buffer in
            UInt32(truncatingIfNeeded: unsafe crc32_z(UInt(checksum), buffer.baseAddress, buffer.count))
        }
    }
}
