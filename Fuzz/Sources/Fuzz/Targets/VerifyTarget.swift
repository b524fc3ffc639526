import AdapterFormat
import Adapters
import FileSystem
import Integrity
import Tensors

@testable import AdapterFormat

/// Full decoding and verification of adapter files.
enum VerifyTarget: FuzzTarget {
    static let name = "verify"
    /// Two chunks: more decoding per input would say no more.
    private static let limits = ReadLimits(decodedByteCount: 3 << 19)

    static func seeds(fixtures: String) throws -> [[UInt8]] { try AdapterFileSeeds.files(fixtures: fixtures) }

    static func isExpected(_ error: any Error) -> Bool { error is FormatError }

    static func mutate(_ input: [UInt8], maximumByteCount: Int, using generator: inout SeededGenerator) -> [UInt8]? {
        AdapterFileMutation.mutate(
            input, maximumByteCount: maximumByteCount, sealsTensors: true, using: &generator)
    }

    static func run(_ input: [UInt8]) throws {
        memoryFile.replace(with: input)
        let file = try AdapterFile(opening: memoryFile.path, limits: limits)
        try expect(file.verify() == SHA256.hash(input), "the digest of the file is that of its bytes")
        guard file.adapter.tensorByteCount <= 1 << 16 else { return }
        do {
            try checkTensors(file)
            try checkCopying(file, input)
            try checkWriting(file, codec: WritingCodec.allCases[input.count % WritingCodec.allCases.count])
        } catch {
            fail("a verified file cannot be read or written again: \(error)")
        }
    }

    private static func checkTensors(_ file: AdapterFile) throws {
        for tensor in file.adapter.modules.flatMap({ $0.tensors.map(\.tensor) }) {
            let bytes = try tensor.bytes()
            expect(bytes.count == tensor.byteCount, "a tensor has the bytes of its shape")
            let middle = bytes.count / 2
            try expect(
                tensor.bytes(in: 0..<middle) + tensor.bytes(in: middle..<bytes.count) == bytes,
                "a tensor's parts make the tensor")
        }
    }

    /// A copy with the same signatures is the same file; one with another signature has the same content.
    private static func checkCopying(_ file: AdapterFile, _ input: [UInt8]) throws {
        func copy(_ signatures: [Signature]) throws -> [UInt8] {
            let output = try OutputFile(in: scratchFolder)
            let digest = try AdapterFileWriter.copy(file, signatures: signatures, to: output)
            let bytes = try output.read(at: 0, count: output.offset)
            expect(SHA256.hash(bytes) == digest, "a signed copy has the digest that is told")
            return bytes
        }
        do {
            try expect(copy(file.signatures()) == input, "a copy with the same signatures is the same file")
            _ = try copy([
                Signature(reading: [UInt8](repeating: 7, count: 64), algorithm: .p256, keyID: SHA256.hash([1]))
            ])
        } catch let error as FormatError {
            // A file of a later writer must not be changed, and there may be no room for one more section.
            expect(
                error.code == .newerVersion || error.code == .notRepresentable && file.header.sections.count == 64,
                "a verified file can be signed: \(error)")
        }
    }

    /// Identity does not depend on the codec, nor on who wrote the file.
    private static func checkWriting(_ file: AdapterFile, codec: WritingCodec) throws {
        let output = try OutputFile(in: scratchFolder)
        let written = try AdapterFileWriter.write(file.adapter, to: output, codec: codec)
        expect(written.contentRoot == file.contentRoot, "a copy has the same content root")
        let copy = try AdapterFile(opening: output.temporaryPath)
        try expect(
            copy.verify() == SHA256.hash(output.read(at: 0, count: written.byteCount)), "a copy is valid")
        expect(copy.adapter.notes == file.adapter.notes, "a copy has the same notes")
    }
}
