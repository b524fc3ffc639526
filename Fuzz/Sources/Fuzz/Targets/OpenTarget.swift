import AdapterFormat
import Adapters
import ByteCoding
import FileSystem

@testable import AdapterFormat
@testable import ByteCoding

/// Opening adapter files: the header and its tables.
enum OpenTarget: FuzzTarget {
    static let name = "open"

    static func seeds(fixtures: String) throws -> [[UInt8]] { try AdapterFileSeeds.files(fixtures: fixtures) }

    static func isExpected(_ error: any Error) -> Bool { error is FormatError }

    static func mutate(_ input: [UInt8], maximumByteCount: Int, using generator: inout SeededGenerator) -> [UInt8]? {
        AdapterFileMutation.mutate(
            input, maximumByteCount: maximumByteCount, sealsTensors: false, using: &generator)
    }

    static func run(_ input: [UInt8]) throws {
        memoryFile.replace(with: input)
        let file = try AdapterFile(opening: memoryFile.path)
        try check(file, input)
        _ = try file.provenance()
        _ = try file.signatures()
    }

    /// A header that is accepted is the only one of its content.
    static func check(_ file: AdapterFile, _ input: [UInt8]) throws {
        let header = file.header
        var fixed = header.fixed.bytes
        fixed[9] = input[9]
        expect(fixed.elementsEqual(input.prefix(fixed.count)), "the fixed header is written as it is read")
        func table<Record>(_ records: [Record], _ write: (Record, inout ByteWriter) -> Void) -> [UInt8] {
            var writer = ByteWriter()
            for record in records { write(record, &writer) }
            return writer.bytes
        }
        let contents = [
            try IdentityMetadata(of: file.adapter).encoded(), header.names.bytes,
            table(header.modules) { $0.write(to: &$1) }, table(header.tensors) { $0.write(to: &$1) },
            table(header.chunks) { $0.write(to: &$1) },
        ]
        for (section, content) in zip(header.sections, contents) {
            expect(
                content.elementsEqual(input[section.offset..<section.end]), "\(section.tag) is written as it is read")
        }
        expect(
            file.adapter.tensorByteCount == header.tensors.reduce(0) { $0 + $1.byteCount },
            "the adapter has the tensors of the tables")
        for section in header.sections { expect(section.end <= input.count, "a section lies within the file") }
        do {
            _ = try FileLayout(file.adapter, codec: .raw, hasProvenance: false)
        } catch {
            fail("an adapter that was read cannot be written: \(error)")
        }
    }
}
