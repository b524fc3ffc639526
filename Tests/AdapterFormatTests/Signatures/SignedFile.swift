import AdapterFormat
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import Foundation
import Integrity
import Testing

/// Adapter files with signatures, and ways to spoil them.
enum SignedFile {
    static func key(_ algorithm: SignatureAlgorithm = .ed25519) throws -> SigningKey {
        try SigningKey(generating: algorithm)
    }

    static func provenance() throws -> Provenance {
        Provenance(operation: "merge", toolVersion: "1", parents: [], options: ["rank": 3])
    }

    /// Writes an adapter, signed by keys in the order given, and returns its content root.
    @discardableResult
    static func write(
        _ adapter: Adapter, to path: String, codec: WritingCodec = .planes, hasProvenance: Bool = true,
        signedBy keys: [SigningKey]
    ) throws -> Digest {
        let plain = path + ".plain"
        let written = try AdapterFileWriter.write(
            adapter, toPath: plain, codec: codec, provenance: hasProvenance ? { try provenance() } : nil)
        for key in keys { try sign(plain, as: plain, key) }
        let output = try OutputFile(beside: path)
        let input = try InputFile(opening: plain)
        try input.forEachPiece(in: 0..<input.byteCount) { try output.write($0) }
        try output.commit(as: path)
        try Directory.remove(plain)
        return written.contentRoot
    }

    /// Adds a signature to a file.
    static func sign(_ path: String, as target: String, _ key: SigningKey) throws {
        let file = try AdapterFile(opening: path)
        let output = try OutputFile(beside: target)
        try AdapterFileWriter.copy(
            file, signatures: key.addSignature(to: file.signatures(), of: file.contentRoot), to: output)
        try output.commit(as: target)
    }

    /// The bytes of a file whose last section, the signatures, has other content, with all digests and lengths right.
    static func replacingLastSection(_ bytes: [UInt8], with content: [UInt8]) throws -> [UInt8] {
        let sectionCount = Int(number(bytes, at: 12, byteCount: 4))
        let entry = 128 + 64 * (sectionCount - 1)
        try #require(Array(bytes[entry..<entry + 4]) == Array("SIGN".utf8))
        let offset = Int(number(bytes, at: entry + 8, byteCount: 8))
        var copy = Array(bytes[..<offset]) + content
        write(UInt64(content.count), to: &copy, at: entry + 16)
        copy.replaceSubrange(entry + 32..<entry + 64, with: SHA256.hash(content).bytes)
        write(UInt64(copy.count), to: &copy, at: 16)
        let headerByteCount = Int(number(bytes, at: 24, byteCount: 8))
        copy.replaceSubrange(96..<128, with: [UInt8](repeating: 0, count: 32))
        copy.replaceSubrange(96..<128, with: SHA256.hash(Array(copy[..<headerByteCount])).bytes)
        return copy
    }

    static func number(_ bytes: [UInt8], at offset: Int, byteCount: Int) -> UInt64 {
        bytes[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private static func write(_ value: UInt64, to bytes: inout [UInt8], at offset: Int) {
        for index in 0..<8 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index))) }
    }

    static func contents(_ path: String) throws -> [UInt8] { try InputFile.contents(of: path, limit: 1 << 24) }

    /// Writes a file without making it durable, which would take most of the tests' time.
    static func store(_ bytes: [UInt8], at path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
}
