import Adapters
import ByteCoding
import Integrity
import Tensors

@testable import AdapterFormat
@testable import ByteCoding

/// Sets every digest of an adapter file to what the bytes that it covers have, as far as they can be found.
enum AdapterFileSeal {
    /// - Parameter tensors: whether chunks are decoded for the tensor digests, which only a verifier looks at.
    static func seal(_ bytes: inout [UInt8], tensors: Bool) {
        sealChunks(&bytes)
        if var records = Records(bytes) {
            if tensors { sealTensors(&bytes, &records) }
            sealContentRoot(&bytes, records)
        }
        sealSections(&bytes)
        guard bytes.count >= FormatConstants.fixedHeaderByteCount else { return }
        let end = min(max(128, Int(clamping: bytes.integer(UInt64.self, at: 24))), bytes.count)
        bytes.overwrite(
            at: FormatConstants.headerDigestOffset,
            with: FixedHeader.digest(ofHeader: Array(bytes[..<end])).bytes)
    }

    /// Where a section's bytes are.
    private static func range(_ tag: SectionTag, in bytes: [UInt8]) -> Range<Int>? {
        entries(bytes).first { bytes.clamped($0.entry..<$0.entry + 4) == tag.bytes }?.range
    }

    private static func entries(_ bytes: [UInt8]) -> [(entry: Int, range: Range<Int>)] {
        (0..<min(Int(clamping: bytes.integer(UInt32.self, at: 12)), 64)).compactMap { index in
            let entry = FormatConstants.fixedHeaderByteCount + index * FormatConstants.sectionEntryByteCount
            guard entry + FormatConstants.sectionEntryByteCount <= bytes.count else { return nil }
            let start = min(Int(clamping: bytes.integer(UInt64.self, at: entry + 8)), bytes.count)
            let length = min(Int(clamping: bytes.integer(UInt64.self, at: entry + 16)), bytes.count - start)
            return (entry, start..<start + length)
        }
    }

    private static func sealSections(_ bytes: inout [UInt8]) {
        for (entry, range) in entries(bytes) {
            bytes.overwrite(at: entry + 32, with: SHA256.hash(Array(bytes[range])).bytes)
        }
    }

    private static func sealChunks(_ bytes: inout [UInt8]) {
        guard let table = range(.chunks, in: bytes) else { return }
        let data = Int(clamping: bytes.integer(UInt64.self, at: 24))
        let alignment = max(1, Int(bytes.integer(UInt32.self, at: 40) & 0x1FFF))
        let recordByteCount = FormatConstants.chunkRecordByteCount
        for record in stride(from: table.lowerBound, through: table.upperBound - recordByteCount, by: recordByteCount) {
            let start = Int(clamping: bytes.integer(UInt64.self, at: record))
            let length = Int(bytes.integer(UInt32.self, at: record + 8))
            guard data <= bytes.count, start <= bytes.count - data else { continue }
            let end = data + start + length + length.padding(to: alignment)
            bytes.overwrite(at: record + 16, with: MerkleTree.leaf(bytes.clamped(data + start..<end)).bytes)
        }
    }

    /// The tables, when they can be parsed.
    private struct Records {
        let names: NameTable
        let modules: [ModuleRecord]
        var tensors: [TensorRecord]
        let tensorsOffset: Int
        let chunks: [ChunkRecord]

        init?(_ bytes: [UInt8]) {
            func records<Record>(
                _ tag: SectionTag, _ size: Int, _ read: (inout ByteReader) throws -> Record
            ) throws -> [Record] {
                let content = AdapterFileSeal.range(tag, in: bytes).map { Array(bytes[$0]) } ?? []
                var reader = ByteReader(content.span)
                return try (0..<content.count / size).map { _ in try read(&reader) }
            }
            do {
                guard let range = AdapterFileSeal.range(.names, in: bytes) else { return nil }
                names = try NameTable(from: Array(bytes[range]), baseOffset: 0)
                modules = try records(.modules, 32) { reader throws in try ModuleRecord(from: &reader) }
                tensors = try records(.tensors, 72) { reader throws in try TensorRecord(from: &reader) }
                tensorsOffset = AdapterFileSeal.range(.tensors, in: bytes)?.lowerBound ?? 0
                chunks = try records(.chunks, 48) { reader throws in try ChunkRecord(from: &reader) }
            } catch {
                return nil
            }
        }

        func name(_ index: UInt32) -> String? { index < names.names.count ? names.names[Int(index)] : nil }
    }

    /// Larger tensors keep their digests: decoding them costs more than they teach.
    private static let maximumTensorByteCount = 1 << 16

    private static func sealTensors(_ bytes: inout [UInt8], _ records: inout Records) {
        let data = Int(clamping: bytes.integer(UInt64.self, at: 24))
        for (index, tensor) in records.tensors.enumerated() {
            guard tensor.byteCount <= maximumTensorByteCount, tensor.module < records.modules.count,
                let module = records.name(records.modules[tensor.module].name), let name = records.name(tensor.name),
                tensor.firstChunk <= records.chunks.count, tensor.chunkCount <= records.chunks.count - tensor.firstChunk
            else { continue }
            let leaves = records.chunks[tensor.firstChunk..<tensor.firstChunk + tensor.chunkCount].compactMap { chunk in
                guard data <= bytes.count, chunk.offset <= bytes.count - data else { return Digest?.none }
                let start = data + chunk.offset
                let encoded = bytes.clamped(start..<start + chunk.encodedByteCount)
                let decoded = try? ChunkCoder.withCoder { coder in
                    try coder.decode(
                        EncodedChunk(codec: chunk.codec, bytes: encoded), byteCount: tensor.byteCount,
                        dtype: tensor.dtype)
                }
                return decoded.map(MerkleTree.leaf)
            }
            guard leaves.count == tensor.chunkCount else { continue }
            let digest = Identity.tensorDigest(
                module: module, name: name, role: tensor.role, dtype: tensor.dtype, shape: tensor.shape, leaves: leaves)
            records.tensors[index].digest = digest
            bytes.overwrite(
                at: records.tensorsOffset + index * FormatConstants.tensorRecordByteCount + 40, with: digest.bytes)
        }
    }

    private static func sealContentRoot(_ bytes: inout [UInt8], _ records: Records) {
        guard let metadata = range(.metadata, in: bytes) else { return }
        let digests = records.modules.compactMap { module in
            guard let name = records.name(module.name), module.firstTensor <= records.tensors.count,
                module.tensorCount <= records.tensors.count - module.firstTensor
            else { return Digest?.none }
            let tensors = records.tensors[module.firstTensor..<module.firstTensor + module.tensorCount]
            return Identity.moduleDigest(module, name: name, tensors: tensors.map(\.digest))
        }
        guard digests.count == records.modules.count else { return }
        bytes.overwrite(
            at: 64, with: Identity.contentRoot(metadata: Array(bytes[metadata]), modules: digests).bytes)
    }
}
