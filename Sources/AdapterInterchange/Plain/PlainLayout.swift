import Adapters
import Tensors

/// One safetensors file that describes itself: ``PlainDocument`` in its metadata.
enum PlainLayout {
    /// The metadata entry with the description.
    static let metadataKey = "adapterctl"

    /// Whether a tensor of a file without description could be read.
    static func isTensorName(_ name: String) -> Bool { PlainDocument.factor(name) != nil }

    static func read(safetensors path: String) throws -> ForeignAdapter {
        let file = try SafetensorsFile(opening: path)
        var tensors: [String: Tensor] = [:]
        var alphas: [String: Double] = [:]
        let document = try file.metadata[metadataKey].map { try PlainDocument(parsing: Array($0.utf8)) }
        for entry in file.entries {
            if document == nil, entry.name.hasSuffix(".alpha") {
                alphas[String(entry.name.dropLast(6))] = try ScalarTensor.value(of: entry, in: file)
            } else {
                tensors[entry.name] = try file.tensor(entry)
            }
        }
        let adapter = try document?.adapter(of: tensors) ?? PlainDocument.adapter(of: tensors, alphas: alphas)
        return ForeignAdapter(layout: .safetensors, adapter: adapter)
    }

    static func prepare(_ adapter: Adapter, safetensors path: String, options: WritingOptions) throws -> ForeignOutput {
        let (document, tensors) = try PlainDocument.describing(adapter)
        let file = try options.file(at: path)
        try SafetensorsWriter.write(
            tensors.map { ($0.name, $0.tensor.plain()) },
            metadata: ["format": "pt", metadataKey: String(decoding: document.bytes, as: UTF8.self)], to: file)
        return ForeignOutput(file: file, path: path, options: options)
    }
}
