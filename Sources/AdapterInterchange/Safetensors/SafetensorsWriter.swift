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
        var byName: [String: Tensor] = [:]
        var entries: [SafetensorsFile.Entry] = []
        for (name, tensor) in tensors {
            guard names.insert(name).inserted else {
                throw InterchangeError(.invalidTensors, "the name '\(name)' is reserved or occurs twice", name: name)
            }
            guard let dtype = SafetensorsDType(tensor.dtype) else {
                throw InterchangeError(
                    .unsupportedDType, "the tensor '\(name)' is \(tensor.dtype), which safetensors does not know",
                    name: name)
            }
            byName[name] = tensor
            entries.append(
                SafetensorsFile.Entry(
                    name: name, dtypeName: dtype.rawValue, shape: tensor.shape.extents, range: 0..<tensor.byteCount))
        }
        let sorted = try laidOut(entries)
        try file.write(header(of: sorted, metadata: metadata))
        let start = file.offset
        let output = QueuedOutput(file)
        try TensorPieces.forEach(of: sorted.compactMap { byName[$0.name] }) { offset, piece in
            try output.write(piece, at: start + offset)
        }
        file.seek(to: start + (sorted.last?.range.upperBound ?? 0))
    }

    /// The tensors in the order in which they are written, one behind the other from byte 0 on; of their ranges only the
    /// lengths count.
    ///
    /// - Throws: ``InterchangeError`` with code `limitExceeded`.
    static func laidOut(_ entries: [SafetensorsFile.Entry]) throws -> [SafetensorsFile.Entry] {
        let sorted = entries.sorted { left, right in
            let (leftOrder, rightOrder) = (order(left), order(right))
            return leftOrder == rightOrder ? left.name.precedesInUTF8(right.name) : leftOrder > rightOrder
        }
        var offset = 0
        return try sorted.map { entry in
            guard let end = offset.checkedAdd(entry.range.count) else {
                throw InterchangeError(
                    .limitExceeded, "the tensors have more bytes than a file can hold", name: entry.name)
            }
            defer { offset = end }
            return SafetensorsFile.Entry(
                name: entry.name, dtypeName: entry.dtypeName, shape: entry.shape, range: offset..<end)
        }
    }

    private static func order(_ entry: SafetensorsFile.Entry) -> Int {
        SafetensorsDType(rawValue: entry.dtypeName)?.order ?? 0
    }

    /// The header's length and the header.
    ///
    /// - Throws: ``InterchangeError`` with code `limitExceeded`.
    static func header(of entries: [SafetensorsFile.Entry], metadata: [String: String]) throws -> [UInt8] {
        var fields: [String] = []
        if !metadata.isEmpty {
            fields.append("\"__metadata__\":" + JSON.text(.map(metadata.mapValues(MetadataValue.string))))
        }
        for entry in entries {
            let shape = entry.shape.map(String.init).joined(separator: ",")
            fields.append(
                JSON.text(.string(entry.name)) + ":{\"dtype\":\"\(entry.dtypeName)\","
                    + "\"shape\":[\(shape)],\"data_offsets\":[\(entry.range.lowerBound),\(entry.range.upperBound)]}")
        }
        var header = Array("{\(fields.joined(separator: ","))}".utf8)
        // The data begins at a multiple of 8.
        header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: header.count.padding(to: 8)))
        guard header.count <= SafetensorsHeader.maximumByteCount else {
            throw InterchangeError(
                .limitExceeded,
                "the header has \(header.count) bytes, at most \(SafetensorsHeader.maximumByteCount) are possible")
        }
        var writer = ByteWriter(capacity: 8)
        writer.write(UInt64(header.count))
        return writer.bytes + header
    }
}
