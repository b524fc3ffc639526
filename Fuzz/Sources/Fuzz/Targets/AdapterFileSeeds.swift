import Adapters
import ByteCoding
import FileSystem
import Integrity
import Tensors

@testable import AdapterFormat

/// Small valid adapter files, and the test vectors where they are small.
enum AdapterFileSeeds {
    private static let maximumByteCount = 4096

    static func files(fixtures: String) throws -> [[UInt8]] {
        let adapters = [
            try SampleAdapters.plain(seed: 1, moduleCount: 1, size: 4, rank: 1, dtype: .bf16),
            try SampleAdapters.plain(seed: 2, moduleCount: 2, size: 3, rank: 2),
            try SampleAdapters.plain(seed: 4, moduleCount: 1, size: 9, rank: 4, dtype: .q8),
            try SampleAdapters.everything(seed: 3), try constant(), try Adapter(base: BaseModel(), modules: []),
        ]
        var files: [[UInt8]] = []
        for (index, adapter) in adapters.enumerated() {
            for codec in WritingCodec.allCases {
                let output = try OutputFile(in: scratchFolder)
                let provenance: (() throws -> Provenance)? =
                    index % 2 == 0
                    ? nil
                    : {
                        Provenance(
                            operation: "merge", toolVersion: "1",
                            parents: [.init(digest: SHA256.hash([1]), contentRoot: SHA256.hash([2]), weight: 0.5)],
                            options: ["rank": 1])
                    }
                let written = try AdapterFileWriter.write(adapter, to: output, codec: codec, provenance: provenance)
                guard written.byteCount <= maximumByteCount else { continue }
                files.append(try output.read(at: 0, count: written.byteCount))
                if codec == .planes { files += try signed(AdapterFile(opening: output.temporaryPath)) }
            }
        }
        for folder in ["valid", "malformed", "golden"] {
            let path = "\(fixtures)/\(folder)"
            guard Directory.kind(of: path) == .directory else { continue }
            for name in try Directory.names(in: path) where name.hasSuffix(".adpt") {
                let file = try InputFile(opening: "\(path)/\(name)")
                if file.byteCount <= maximumByteCount { files.append(try file.read(at: 0, count: file.byteCount)) }
            }
        }
        return files
    }

    /// The file with a signature of each algorithm, and with both.
    private static func signed(_ file: AdapterFile) throws -> [[UInt8]] {
        var all: [Signature] = []
        var files: [[UInt8]] = []
        func add(_ signatures: [Signature]) throws {
            let output = try OutputFile(in: scratchFolder)
            try AdapterFileWriter.copy(file, signatures: signatures, to: output)
            files.append(try output.read(at: 0, count: output.offset))
        }
        for algorithm in SignatureAlgorithm.allCases {
            let expires = try algorithm == .p256 ? UTCDate(parsing: "2096-02-29") : nil
            let signature = try SigningKey(generating: algorithm).sign(file.contentRoot, expires: expires)
            all = all.adding(signature)
            try add([signature])
        }
        try add(all)
        return files.filter { $0.count <= maximumByteCount }
    }

    /// Chunks that decode to more than they are: constant ones, and one that compresses well.
    private static func constant() throws -> Adapter {
        func tensor(_ extents: [Int], _ bytes: (Int) -> [UInt8]) throws -> Tensor {
            guard let shape = Shape(extents) else { fail("\(extents) is a shape") }
            return try Tensor(dtype: .bf16, shape: shape, bytes: bytes(2 * shape.elementCount))
        }
        let zeros = { (count: Int) in [UInt8](repeating: 0, count: count) }
        return try Adapter(
            base: BaseModel(name: "b"),
            modules: [
                AdaptedModule(
                    name: "m",
                    update: LowRankUpdate(
                        kind: .linear, a: tensor([1, 600_000], zeros),
                        b: tensor([64, 1]) { count in (0..<count).map { UInt8($0 & 3) } }, rank: 1, alpha: 1,
                        scalingRule: .alphaOverRank))
            ])
    }
}
