internal import AdapterInterchange
package import ByteCoding
package import FileSystem
internal import Tensors

/// All that a run needs to go on as if it had never stopped.
package struct TrainingState: Hashable, Sendable {
    /// What was learned, all A and B.
    package var values: [Float]
    package var firstMoments: [Float]
    package var secondMoments: [Float]
    /// The values of the best validation, when there is one.
    package var bestValues: [Float]?
    /// The steps done.
    package var step: Int
    /// Where in the data the run stands.
    package var position: BatchOrder.Position
    package var record: TrainingRecord
    /// What the run was made with; see ``TrainingConfiguration/document``.
    package var settings: MetadataValue

    private static let metadataKey = "adapterctl.training"

    /// Writes the state as a safetensors file under construction; the caller commits it.
    package func write(to file: OutputFile) throws {
        func tensor(_ values: [Float]) throws -> Tensor {
            guard let shape = Shape([values.count]) else { throw invalid("it has too many values") }
            return try Tensor(
                dtype: .f32, shape: shape, bytes: unsafe values.withUnsafeBytes { unsafe Array($0) })
        }
        var tensors = [
            ("values", try tensor(values)), ("first", try tensor(firstMoments)), ("second", try tensor(secondMoments)),
        ]
        if let bestValues { tensors.append(("best", try tensor(bestValues))) }
        let document: MetadataValue = [
            "version": 1, "step": MetadataValue(step), "epoch": MetadataValue(position.epoch),
            "batch": MetadataValue(position.batch), "record": record.document, "settings": settings,
        ]
        try SafetensorsWriter.write(
            tensors.map { (name: $0.0, tensor: $0.1) }, metadata: [Self.metadataKey: JSON.text(document)], to: file)
    }

    /// Reads a state.
    ///
    /// - Throws: ``TrainingError`` with code `invalidCheckpoint`; `InterchangeError` and `FileSystemError` when the file
    ///   cannot be read.
    package init(opening path: String) throws {
        let file = try SafetensorsFile(opening: path)
        func invalid(_ reason: String) -> TrainingError {
            TrainingError(.invalidCheckpoint, "Unable to continue from '\(path)': \(reason).")
        }
        func floats(_ name: String) throws -> [Float]? {
            guard let entry = file.entry(named: name) else { return nil }
            let tensor = try file.tensor(entry)
            guard tensor.dtype == .f32 else { throw invalid("'\(name)' is not f32") }
            return try tensor.floats(in: 0..<tensor.shape.elementCount)
        }
        guard let text = file.metadata[Self.metadataKey],
            let document = try? JSON.parse(Array(text.utf8)), document["version"]?.integer == 1,
            let step = document["step"]?.integer, let epoch = document["epoch"]?.integer,
            let batch = document["batch"]?.integer, [step, epoch, batch].allSatisfy((0..<1 << 40).contains),
            let record = document["record"].flatMap(TrainingRecord.init(document:)),
            let settings = document["settings"], let values = try floats("values"),
            let first = try floats("first"), let second = try floats("second"),
            first.count == values.count, second.count == values.count
        else { throw invalid("it is not the state of a training run of this version") }
        let best = try floats("best")
        guard best.map({ $0.count == values.count }) ?? true else { throw invalid("its parts differ in size") }
        self.values = values
        firstMoments = first
        secondMoments = second
        bestValues = best
        self.step = step
        position = BatchOrder.Position(epoch: epoch, batch: batch)
        self.record = record
        self.settings = settings
    }

    package init(
        values: [Float], firstMoments: [Float], secondMoments: [Float], bestValues: [Float]?, step: Int,
        position: BatchOrder.Position, record: TrainingRecord, settings: MetadataValue
    ) {
        self.values = values
        self.firstMoments = firstMoments
        self.secondMoments = secondMoments
        self.bestValues = bestValues
        self.step = step
        self.position = position
        self.record = record
        self.settings = settings
    }

    private func invalid(_ reason: String) -> TrainingError {
        TrainingError(.invalidCheckpoint, "Unable to write the state of the run: \(reason).")
    }
}
