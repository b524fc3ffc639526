import AdapterInterchange
import ByteCoding
import FileSystem
import Tensors

@testable import AdapterInterchange
@testable import ByteCoding

/// safetensors files.
enum SafetensorsTarget: FuzzTarget {
    static let name = "safetensors"

    static func seeds(fixtures: String) throws -> [[UInt8]] {
        let headers: [(String, Int)] = [
            (#"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}"#, 24),
            (
                #"{"__metadata__":{"format":"pt"},"x.lora_A.weight":{"dtype":"BF16","shape":[4],"data_offsets":[4,12]},"#
                    + #""s":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}  "#, 12
            ),
            (
                #"{"e":{"dtype":"F16","shape":[0,7],"data_offsets":[0,0]},"#
                    + #""f":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]},"#
                    + #""g":{"dtype":"I64","shape":[1],"data_offsets":[3,11]}}"#, 11
            ), ("{}", 0),
        ]
        return headers.map { file(header: Array($0.0.utf8), dataByteCount: $0.1) }
    }

    private static func file(header: [UInt8], dataByteCount: Int) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(UInt64(header.count))
        writer.write(header)
        writer.write((0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) })
        return writer.bytes
    }

    static func isExpected(_ error: any Error) -> Bool { error is InterchangeError }

    /// Mostly the header changes, and the rest of the file follows it.
    static func mutate(_ input: [UInt8], maximumByteCount: Int, using generator: inout SeededGenerator) -> [UInt8]? {
        guard input.count > 8, generator.next() % 4 != 0 else { return nil }
        let length = min(Int(clamping: input.integer(UInt64.self, at: 0)), input.count - 8)
        let header = mutated(input.clamped(8..<8 + length), maximumByteCount: maximumByteCount - 8)
        let document = (try? JSON.parse(header))?.map ?? [:]
        let end = document.values.compactMap { $0["data_offsets"]?.array?.last?.integer }.max() ?? 0
        return file(header: header, dataByteCount: min(max(0, end), 1024))
    }

    static func run(_ input: [UInt8]) throws {
        memoryFile.replace(with: input)
        let file = try SafetensorsFile(opening: memoryFile.path)
        var data: [UInt8] = []
        var tensors: [(name: String, tensor: Tensor)] = []
        var isSupported = true
        for entry in file.entries {
            let bytes = try file.bytes(of: entry)
            data += bytes
            do {
                let tensor = try file.tensor(entry)
                try expect(tensor.bytes() == bytes, "a tensor's bytes are those of its entry")
                tensors.append((entry.name, tensor))
            } catch is InterchangeError {
                isSupported = false
            }
        }
        expect(data.elementsEqual(input.suffix(data.count)), "the tensors fill the data")
        if isSupported { try checkWriting(tensors, file) }
    }

    private static func checkWriting(_ tensors: [(name: String, tensor: Tensor)], _ file: SafetensorsFile) throws {
        let output = try OutputFile(in: scratchFolder)
        do {
            try SafetensorsWriter.write(tensors, metadata: file.metadata, to: output)
            let again = try SafetensorsFile(opening: output.temporaryPath)
            expect(again.metadata == file.metadata, "the metadata survives being written")
            expect(again.entries.count == tensors.count, "the tensors survive being written")
            for (name, tensor) in tensors {
                guard let entry = again.entry(named: name) else { fail("the tensor '\(name)' is lost in writing") }
                let copy = try again.tensor(entry)
                try expect(
                    copy.shape == tensor.shape && copy.dtype == tensor.dtype && copy.bytes() == tensor.bytes(),
                    "the tensor '\(name)' survives being written")
            }
        } catch {
            fail("tensors that were read cannot be written: \(error)")
        }
    }
}
