import AdapterTesting
import ByteCoding
import FileSystem

/// Files under `fixtures/data/training`.
enum TrainingFixtures {
    static let directory = Fixtures.directory + "/training"
    /// The pretrained model of 1.4 million parameters.
    static let tinyModel = directory + "/tiny"

    static func bytes(_ path: String) throws -> [UInt8] { try InputFile.contents(of: path, limit: 1 << 28) }

    static func json(_ path: String) throws -> MetadataValue { try JSON.parse(bytes(path)) }
}
