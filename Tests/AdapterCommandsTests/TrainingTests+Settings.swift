import AdapterTesting
import AdapterTraining
import ByteCoding
import Foundation
import Testing

/// What settings of a run do to it, with the real binary.
extension TrainingTests {
    /// Trains and gives the events of the run.
    private func trained(_ tool: CommandLineTool, _ data: String, _ target: String, _ more: [String]) throws
        -> [MetadataValue]
    {
        let result = try tool.run(
            [
                "train", "--base", Self.base, "--data", data, "--max-seq-length", "32", "--max-steps", "6",
                "--save-steps", "0", "--json", "-t", target,
            ] + more)
        try #require(result.status == 0, "\(more): \(result.errors)")
        return try events(result.output)
    }

    private func steps(_ events: [MetadataValue]) -> [MetadataValue] { events.filter { $0["event"] == "step" } }

    private func numbers(_ events: [MetadataValue], _ key: String) -> [Double] {
        steps(events).compactMap { $0[key]?.number }
    }

    private func floats(_ tensor: PEFTFolder.RawTensor) throws -> [Double] {
        try #require(tensor.dtype == "F32")
        return tensor.bytes.withUnsafeBytes { bytes in
            stride(from: 0, to: bytes.count, by: 4).map {
                Double(bytes.loadUnaligned(fromByteOffset: $0, as: Float.self))
            }
        }
    }

    /// The only A and the only B of a pulled adapter, row by row, and the rank.
    private func factors(_ folder: String) throws -> (a: [[Double]], b: [[Double]]) {
        let peft = try PEFTFolder(folder)
        func rows(_ suffix: String) throws -> [[Double]] {
            let found = peft.tensors.filter { $0.key.hasSuffix(suffix) }
            try #require(found.count == 1)
            let tensor = try #require(found.first?.value)
            let (values, columns) = (try floats(tensor), tensor.shape[1])
            return stride(from: 0, to: values.count, by: columns).map { Array(values[$0..<$0 + columns]) }
        }
        return (try rows("lora_A.weight"), try rows("lora_B.weight"))
    }

    /// The largest difference between the products of some vectors with each other and 0 or 1.
    private func distanceFromOrthonormal(_ vectors: [[Double]]) -> Double {
        var largest = 0.0
        for (i, x) in vectors.enumerated() {
            for (j, y) in vectors.enumerated() {
                largest = max(largest, abs(zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } - (i == j ? 1 : 0)))
            }
        }
        return largest
    }

    @Test(arguments: UpdateInitialization.allCases)
    func `A and B begin as --init says`(_ initialization: UpdateInitialization) throws {
        try withTool { tool, folder in
            // A rate at which nothing moves leaves the beginning.
            _ = try trained(
                tool, text(folder), "team/start",
                [
                    "--init", initialization.rawValue, "--lr", "1e-30", "--max-steps", "1", "--rank", "4",
                    "--lora-alpha",
                    "4", "--target-modules", "model.layers.2.self_attn.q_proj",
                ])
            try #require(tool.run("pull", "team/start", "-o", folder + "/peft").status == 0)
            let (a, b) = try factors(folder + "/peft")
            let largestA = a.joined().map(abs).max() ?? 0
            let largestB = b.joined().map(abs).max() ?? 0
            // It changes nothing yet, whatever A and B are.
            let delta = try #require(pulledDeltas(folder + "/peft").values.first)
            #expect(delta.allSatisfy { abs($0) < 1e-6 })
            // What the weight gives is written with its opposite behind it.
            let isAnchored = initialization == .pissa || initialization == .olora
            #expect(a.count == (isAnchored ? 8 : 4))
            let hasB = isAnchored || initialization == .orthogonal
            #expect(hasB ? largestB > 1e-3 : largestB < 1e-20)
            let (inputs, values) = (Double(a[0].count), Array(a.joined()))
            let deviation = (values.reduce(0) { $0 + $1 * $1 } / Double(values.count)).squareRoot()
            let columns = (0..<4).map { column in b.map { $0[column] } }
            switch initialization {
            case .kaiming:
                let bound = 1 / inputs.squareRoot()
                #expect(largestA <= bound && largestA > 0.95 * bound)
                #expect(abs(deviation / (bound / 3.squareRoot()) - 1) < 0.1)
            case .gaussian: #expect(abs(deviation * 4 - 1) < 0.1)
            case .orthogonal: #expect(largestA > 1e-3)
            case .eva: #expect(distanceFromOrthonormal(a) < 1e-4)
            case .olora: #expect(distanceFromOrthonormal(columns) < 1e-5)
            case .pissa:
                let rows = Array(a.prefix(4))
                func normalized(_ vector: [Double]) -> [Double] {
                    let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                    return vector.map { $0 / norm }
                }
                #expect(distanceFromOrthonormal(rows.map(normalized)) < 1e-4)
                #expect(distanceFromOrthonormal(columns.map(normalized)) < 1e-4)
                // Both have the root of the singular value.
                for (row, column) in zip(rows, columns) {
                    let (x, y) = (row.reduce(0) { $0 + $1 * $1 }, column.reduce(0) { $0 + $1 * $1 })
                    #expect(abs(x / y - 1) < 1e-4)
                }
            }
        }
    }

    /// The fixtures' adapters have PEFT's logits in float64, which the trainer's own tests compare.
    @Test(arguments: ["lora", "dora", "pissa"])
    func `a run and a pull give the adapter whose logits equal those in PEFT`(_ name: String) throws {
        try withTool { tool, folder in
            let fixture = "\(Self.fixtures)/trained/\(name)"
            let document = try JSON.parse([UInt8](Data(contentsOf: URL(fileURLWithPath: fixture + "/case.json"))))
            let settings = try #require(document["arguments"]?.array).compactMap(\.string)
            let result = try tool.run(
                ["train", "--base", Self.base, "--data", Self.fixtures + "/bierce_train.txt", "-t", "team/again"]
                    + settings)
            try #require(result.status == 0, "\(result.errors)")
            try #require(tool.run("pull", "team/again", "-o", folder + "/peft").status == 0)
            let (found, expected) = (try PEFTFolder(folder + "/peft"), try PEFTFolder(fixture))
            #expect(found.configuration == expected.configuration)
            try #require(found.tensors.mapValues(\.shape) == expected.tensors.mapValues(\.shape))
            for (name, tensor) in expected.tensors {
                let (x, y) = (try floats(#require(found.tensors[name])), try floats(tensor))
                let error = zip(x, y).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
                // The same bits on one machine. On another sums round otherwise, which 30 steps make larger.
                #expect(error <= 1e-6 * y.reduce(0) { $0 + $1 * $1 }, "\(name)")
            }
        }
    }

    @Test func `rsLoRA scales by the root of the rank`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let setting = ["--rank", "4", "--lora-alpha", "8"]
            let plain = try trained(tool, data, "team/plain", setting)
            let scaled = try trained(tool, data, "team/scaled", setting + ["--use-rslora"])
            // B is zero at first, so the first gradient is B's alone: it goes with the scaling, 4 instead of 2.
            let (one, other) = (numbers(plain, "gradientNorm"), numbers(scaled, "gradientNorm"))
            #expect(abs(other[0] / one[0] - 2) < 1e-5)
            #expect(numbers(plain, "loss")[0] == numbers(scaled, "loss")[0])
            #expect(numbers(plain, "loss")[5] != numbers(scaled, "loss")[5])
            for (name, isScaled) in [("team/plain", false), ("team/scaled", true)] {
                let peft = "\(folder)/\(isScaled)"
                try #require(tool.run("pull", name, "-o", peft).status == 0)
                #expect(try PEFTFolder(peft).configuration["use_rslora"] as? Bool == isScaled)
            }
        }
    }

    @Test func `the rate goes as --lr-scheduler-type says`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            // Warm-up over two of six steps.
            let expected: [(type: String, factors: [Double])] = [
                ("constant", [0.5, 1, 1, 1, 1, 1]), ("linear", [0.5, 1, 1, 0.75, 0.5, 0.25]),
                ("cosine", [0.5, 1, 1, 0.8535533905932737, 0.5, 0.14644660940672627]),
            ]
            for (type, factors) in expected {
                let run = try trained(
                    tool, data, "team/" + type,
                    ["--lr-scheduler-type", type, "--lr", "1e-3", "--warmup-steps", "2", "--target-modules", "q_proj"])
                let rates = numbers(run, "learningRate")
                try #require(rates.count == 6)
                for (rate, factor) in zip(rates, factors) { #expect(abs(rate * 1e3 - factor) < 1e-9, "\(type)") }
            }
        }
    }

    @Test func `accumulated batches make the step of a larger one`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let whole = try trained(tool, data, "team/whole", ["--batch-size", "4"])
            let parts = try trained(tool, data, "team/parts", ["--batch-size", "1", "--grad-accumulation", "4"])
            let alone = try trained(tool, data, "team/alone", ["--batch-size", "1"])
            #expect(numbers(whole, "tokens") == numbers(parts, "tokens"))
            #expect(numbers(alone, "tokens")[0] < numbers(parts, "tokens")[0])
            for key in ["loss", "gradientNorm"] {
                for (one, other) in zip(numbers(whole, key), numbers(parts, key)) {
                    #expect(abs(one / other - 1) < 1e-4, "\(key)")
                }
            }
            #expect(abs(numbers(alone, "loss")[0] / numbers(whole, "loss")[0] - 1) > 1e-3)
        }
    }

    @Test func `gradient checkpointing takes less memory and gives the same bits`() throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let full = try trained(tool, data, "team/full", [])
            let less = try trained(tool, data, "team/less", ["--gradient-checkpointing"])
            let bytes = try [full, less].map { try #require($0[0]["byteCount"]?.integer) }
            #expect(bytes[1] < bytes[0] * 3 / 4, "\(bytes)")
            #expect(try root(tool, "team/full") == root(tool, "team/less"))
            let same = try trained(tool, data, "team/same", ["--activations", "checkpoint"])
            #expect(same[0]["byteCount"]?.integer == bytes[1])
        }
    }

    @Test(arguments: ["eva", "gora"]) func `ranks of layers are in the PEFT folder and keep the budget`(
        _ allocation: String
    ) throws {
        try withTool { tool, folder in
            let data = try text(folder)
            let modules = ["--rank", "4", "--target-modules", "q_proj,v_proj,down_proj", "--max-steps", "2"]
            _ = try trained(tool, data, "team/uniform", modules)
            _ = try trained(tool, data, "team/ranks", modules + ["--rank-allocation", allocation])
            func ranks(_ name: String) throws -> [String: Int] {
                try #require(tool.run("pull", "team/\(name)", "-o", "\(folder)/\(name)").status == 0)
                let peft = try PEFTFolder("\(folder)/\(name)")
                // Checks each rank against `rank_pattern` and `r`.
                _ = try pulledDeltas("\(folder)/\(name)")
                return peft.tensors.filter { $0.key.hasSuffix("lora_A.weight") }.mapValues { $0.shape[0] }
            }
            let (uniform, found) = (try ranks("uniform"), try ranks("ranks"))
            #expect(uniform.count == 18 && uniform.values.allSatisfy { $0 == 4 })
            #expect(Set(found.values).count > 1)
            let pattern = try #require(
                PEFTFolder(folder + "/ranks").configuration["rank_pattern"] as? [String: Int])
            #expect(!pattern.isEmpty && pattern.count < 18)
            let total = found.values.reduce(0, +)
            if allocation == "eva" {
                // As many directions are given out as there were ranks.
                #expect(total == 72)
            } else {
                // Ranks are rounded, and lie between half and four times what was asked for.
                #expect(abs(total - 72) < 18 && found.values.allSatisfy { (2...16).contains($0) }, "\(found)")
                #expect(Set(found.keys) == Set(uniform.keys))
            }
        }
    }
}
