import ByteCoding
public import FileSystem
public import Tensors

/// Writes safetensors files: the same tensors and metadata give the same bytes, whatever their order.
///
/// The order of tensors and the spelling of the header are those of the format's own library (safetensors 0.8.0), so
/// a file that it wrote comes back byte for byte when it has at most one metadata key; several are sorted here.
public enum SafetensorsWriter {
    /// Writes tensors to a file under construction; the caller commits it.
    ///
    /// - Throws: ``InterchangeError`` with code `invalidTensors`, `unsupportedDType` or `limitExceeded`; whatever reading the tensors or
    ///   writing the file throws.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to file: OutputFile
    ) throws {
        var names: Set<String> = ["__metadata__"]
        var typed: [Entry] = []
        for (name, tensor) in tensors {
            guard names.insert(name).inserted else {
                throw InterchangeError(.invalidTensors, "the name '\(name)' is reserved or occurs twice", name: name)
            }
            guard let dtype = SafetensorsDType(tensor.dtype) else {
                throw InterchangeError(
                    .unsupportedDType, "the tensor '\(name)' is \(tensor.dtype), which safetensors does not know",
                    name: name)
            }
            typed.append(Entry(name: name, dtype: dtype, tensor: tensor))
        }
        let sorted = typed.sorted { left, right in
            let (leftOrder, rightOrder) = (left.dtype.order, right.dtype.order)
            return leftOrder == rightOrder ? left.name.precedesInUTF8(right.name) : leftOrder > rightOrder
        }
        let header = try header(of: sorted, metadata: metadata)
        var writer = ByteWriter(capacity: 8)
        writer.write(UInt64(header.count))
        try file.write(writer.bytes)
        try file.write(header)
        let start = file.offset
        let output = file.positioned
        try TensorPieces.forEach(of: sorted.map(\.tensor)) { offset, piece in
            try output.write(piece, at: start + offset)
        }
        file.seek(to: start + sorted.reduce(0) { $0 + $1.tensor.byteCount })
    }

    /// A tensor and the type under which it is written.
    private struct Entry {
        let name: String
        let dtype: SafetensorsDType
        let tensor: Tensor
    }

    private static func header(of tensors: [Entry], metadata: [String: String]) throws -> [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            fields.append("\"__metadata__\":" + JSON.text(.map(metadata.mapValues(MetadataValue.string))))
        }
        var offset = 0
        for entry in tensors {
            let (name, tensor) = (entry.name, entry.tensor)
            guard let end = offset.checkedAdd(tensor.byteCount) else {
                throw InterchangeError(.limitExceeded, "the tensors have more bytes than a file can hold", name: name)
            }
            let shape = tensor.shape.extents.map(String.init).joined(separator: ",")
            fields.append(
                JSON.text(.string(name)) + ":{\"dtype\":\"\(entry.dtype.rawValue)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var header = Array("{\(fields.joined(separator: ","))}".utf8)
        // The data begins at a multiple of 8.
        header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: header.count.padding(to: 8)))
        guard header.count <= SafetensorsHeader.maximumByteCount else {
            throw InterchangeError(
                .limitExceeded,
                "the header has \(header.count) bytes, at most \(SafetensorsHeader.maximumByteCount) are possible")
        }
        return header
    }
}
