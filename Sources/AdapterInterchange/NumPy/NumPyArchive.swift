import Adapters
import ByteCoding
import Tensors

/// Adapters as archives of NumPy arrays (`numpy.savez`), described by ``PlainDocument`` in the array `adapterctl`.
///
/// Archives without it are read when each module has `NAME.lora_A`, `NAME.lora_B` and the number `NAME.alpha`.
enum NumPyArchive {
    /// The array of bytes that holds the description as JSON.
    private static let documentName = "adapterctl"

    static func read(_ path: String) throws -> ForeignAdapter {
        let archive = try ZipArchive(opening: path)
        let slot = TransposedSource.Slot()
        var tensors: [String: Tensor] = [:]
        var alphas: [String: Double] = [:]
        var document: PlainDocument?
        var remarks: [String] = []
        for member in archive.members {
            guard member.name.hasSuffix(".npy") else {
                throw InterchangeError(.invalidHeader, "the member '\(member.name)' is not an array", name: member.name)
            }
            let name = String(member.name.dropLast(4))
            let header = try NumPyArray.header(of: member, in: archive)
            if name.hasSuffix(".alpha"), let number = try NumPyArray.number(header, member, archive) {
                alphas[String(name.dropLast(6))] = number
            } else if name == documentName {
                guard header.descriptor == "|u1", member.byteCount <= PlainDocument.maximumByteCount else {
                    throw InterchangeError(.invalidConfiguration, "its array '\(documentName)' is not a description")
                }
                document = try PlainDocument(parsing: Array(archive.bytes(of: member)[header.dataOffset...]))
            } else {
                tensors[name] = try NumPyArray.tensor(header, member, archive, slot)
                if header.descriptor == "<f8" { remarks = ["arrays of float64 are rounded to f32"] }
            }
        }
        let adapter = try document?.adapter(of: tensors) ?? PlainDocument.adapter(of: tensors, alphas: alphas)
        return ForeignAdapter(layout: .npz, adapter: adapter, remarks: remarks)
    }

    static func prepare(_ adapter: Adapter, at path: String, options: WritingOptions) throws -> ForeignOutput {
        let (document, tensors) = try PlainDocument.describing(adapter)
        let file = try options.file(at: path)
        var writer = ZipWriter(to: file)
        try writer.add("\(documentName).npy") { write in
            let text = document.bytes
            try write(NumPyHeader.bytes(descriptor: "|u1", shape: [text.count]) + text)
        }
        for (name, tensor) in tensors {
            // What NumPy has no type for is written as f32, exactly; the description keeps the type.
            let array = NumPyArray.descriptor(tensor.dtype) == nil ? tensor.rounded(to: .f32) : tensor
            try writer.add("\(name).npy") { write in
                try write(
                    NumPyHeader.bytes(
                        descriptor: NumPyArray.descriptor(array.dtype) ?? "<f4", shape: array.shape.extents))
                for start in stride(from: 0, to: array.byteCount, by: TensorPieces.byteCount) {
                    try write(array.bytes(in: start..<min(start + TensorPieces.byteCount, array.byteCount)))
                }
            }
        }
        try writer.finish()
        return ForeignOutput(file: file, path: path, options: options)
    }
}
