import AdapterInterchange
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Tensors
import Testing

/// Arithmetic with the real binary on inputs that are wrong or extreme, weights by module, and any number of threads.
@Suite struct ArithmeticInputTests {
    private static let layer = "model.layers.0.self_attn.q_proj"
    private static let extents = (out: 12, input: 10)

    private func withTool(_ body: (CommandLineTool, String) throws -> Void) throws {
        try withTemporaryDirectory { folder throws in
            try body(CommandLineTool(registry: folder + "/registry"), folder)
        }
    }

    @discardableResult
    private func succeed(_ tool: CommandLineTool, _ arguments: String...) throws -> CommandLineTool.Result {
        let result = try tool.run(arguments)
        try #require(result.status == 0, "\(arguments): \(result.errors)")
        return result
    }

    /// Writes an adapter of one module as PEFT does, and pushes it.
    private func push(
        _ tool: CommandLineTool, _ folder: String, _ name: String, a: [Double], b: [Double], rank: Int = 2,
        input: Int = extents.input, base: String = "team/base"
    ) throws {
        let path = "\(folder)/\(name)"
        try Directory.create(path)
        let file = try OutputFile(in: path)
        try SafetensorsWriter.write(
            [("lora_A", a, [rank, input]), ("lora_B", b, [b.count / rank, rank])].map { part, values, extents in
                (
                    "base_model.model.\(Self.layer).\(part).weight",
                    try Tensor(rounding: values, to: .f32, shape: try #require(Shape(extents)))
                )
            }, metadata: ["format": "pt"], to: file)
        try file.commit(as: path + "/adapter_model.safetensors")
        let configuration: MetadataValue = [
            "peft_type": "LORA", "r": MetadataValue(rank), "lora_alpha": MetadataValue(rank),
            "target_modules": ["q_proj"], "base_model_name_or_path": .string(base), "task_type": "CAUSAL_LM",
        ]
        try Data(JSON.text(configuration).utf8).write(to: URL(fileURLWithPath: path + "/adapter_config.json"))
        try succeed(tool, "push", path, name)
    }

    private func random(_ count: Int, _ generator: inout SeededGenerator) -> [Double] {
        (0..<count).map { _ in Double(Float(generator.nextSigned())) }
    }

    private func pulled(_ tool: CommandLineTool, _ name: String, _ path: String) throws -> [String: [Double]] {
        try succeed(tool, "pull", name, "-o", path)
        return try pulledDeltas(path)
    }

    /// Each method that `merge` offers, as its help lists them.
    private func methods(_ tool: CommandLineTool) throws -> [String] {
        let listed = try tool.run("merge", "a", "-t", "x", "--method", "no-such-method").errors
        let methods = listed.matches(of: /(?m)^  - (\S+)$/).map { String($0.1) }
        try #require(methods.count > 20, "\(listed)")
        return methods
    }

    private func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    @Test func `different base models, by name and by digest`() throws {
        try withTool { tool, _ throws in
            let folder = Fixtures.peft("llama-task-a")
            let (one, two) = (String(repeating: "1", count: 64), String(repeating: "2", count: 64))
            for (name, base) in [
                ("n1", "org/one"), ("n2", "org/two"), ("r1", "org/one@v1"), ("r2", "org/one@v2"),
                ("d1", "org/one@sha256:\(one)"), ("d2", "org/one@sha256:\(two)"), ("d3", "org/renamed@sha256:\(one)"),
            ] {
                try succeed(tool, "push", folder, name, "--base", base)
            }
            for (first, second) in [("n1", "n2"), ("r1", "r2"), ("d1", "d2"), ("d2", "d3")] {
                for command in [["merge"], ["subtract"], ["interpolate", "--at", "0.5"]] {
                    let result = try tool.run(command + [first, second, "-t", "out"])
                    #expect(result.status == 1 && result.errors.contains("were trained on"), "\(result.errors)")
                    #expect(result.errors.contains("'\(first)' and '\(second)'"))
                }
                try succeed(tool, "merge", first, second, "--allow-different-base", "-t", "forced")
            }
            for (first, second) in [("n1", "r1"), ("n1", "d1"), ("d1", "d3")] {
                try succeed(tool, "merge", first, second, "-t", "same")
            }
            #expect(try tool.run("show", "out").status == 3)
        }
    }

    @Test func `shapes that disagree are named`() throws {
        try withTool { tool, folder throws in
            var generator = SeededGenerator(seed: 71)
            try push(tool, folder, "a", a: random(20, &generator), b: random(24, &generator))
            try push(tool, folder, "b", a: random(16, &generator), b: random(24, &generator), input: 8)
            for method in ["cat", "exact", "ties", "slerp", "knots-ties", "compat-peft-linear"] {
                let result = try tool.run("merge", "a", "b", "--method", method, "-t", "out")
                #expect(result.status == 1 && result.errors.contains(Self.layer), "\(method): \(result.errors)")
                #expect(result.errors.contains("[12, 10]") && result.errors.contains("[12, 8]"), "\(result.errors)")
            }
        }
    }

    @Test func `densities and other shares outside their range are wrong usage`() throws {
        try withTool { tool, _ throws in
            try succeed(tool, "push", Fixtures.peft("llama-task-a"), "a")
            for options in [
                ["--method", "ties", "--density", "0"], ["--method", "ties", "--density", "-0.5"],
                ["--method", "dare-ties", "--density", "1.01"], ["--method", "della", "--density", "nan"],
                ["--method", "breadcrumbs", "--gamma", "1"], ["--method", "della", "--epsilon", "0.6"],
                ["--method", "exact", "--density", "0.5"], ["--rank", "0"], ["--energy", "0"], ["--method", "none"],
                ["--weights-for", "q_proj"], ["--weights-for", "q_proj=x"], ["--weights-for", "q_proj=1,nan"],
            ] {
                let result = try tool.run(["merge", "a", "a", "-t", "out"] + options)
                #expect(result.status == 64, "\(options): \(result.errors)")
            }
        }
    }

    @Test func `an empty merge`() throws {
        try withTool { tool, _ throws in
            try succeed(tool, "push", Fixtures.peft("llama-task-a"), "a")
            #expect(try tool.run("merge", "-t", "out").status == 64)
            let zero = try tool.run("merge", "a=0", "a=-0.0", "-t", "out")
            #expect(zero.status == 1 && zero.errors.contains("every weight is 0"))
            for weight in ["nan", "inf", "-inf", "x", ""] {
                #expect(try tool.run("merge", "a=\(weight)", "-t", "out").status == 1, "\(weight)")
            }
            #expect(try tool.run("show", "out").status == 3)
        }
    }

    @Test func `updates of zeros merge by every method`() throws {
        try withTool { tool, folder throws in
            var generator = SeededGenerator(seed: 72)
            let zeros = [Double](repeating: 0, count: 24)
            try push(tool, folder, "zero", a: random(20, &generator), b: zeros)
            try push(tool, folder, "nought", a: random(20, &generator), b: zeros)
            try push(tool, folder, "a", a: random(20, &generator), b: random(24, &generator))
            for method in try methods(tool) {
                for (first, second) in [("zero", "nought"), ("zero", "a"), ("a", "zero")] {
                    let result = try tool.run("merge", first, second, "--method", method, "-t", "out", "-q")
                    #expect(result.status == 0, "\(method) \(first) \(second): \(result.errors)")
                    guard result.status == 0 else { continue }
                    try? FileManager.default.removeItem(atPath: folder + "/out")
                    let values = try pulled(tool, "out", folder + "/out")[Self.layer] ?? [.nan]
                    #expect(values.allSatisfy { $0.isFinite }, "\(method)")
                    if first == "zero", second == "nought" { #expect(values.allSatisfy { $0 == 0 }, "\(method)") }
                }
            }
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func `a value that is no number is named, and nothing is stored`(value: Double) throws {
        try withTool { tool, folder throws in
            var generator = SeededGenerator(seed: 73)
            try push(tool, folder, "a", a: random(20, &generator), b: random(24, &generator))
            var b = random(24, &generator)
            b[7] = value
            try push(tool, folder, "bad", a: random(20, &generator), b: b)
            for method in ["cat", "exact", "ties", "dare-linear", "slerp", "core-space", "tsv", "compat-peft-ties"] {
                let result = try tool.run("merge", "a", "bad", "--method", method, "-t", "out")
                #expect(result.status == 1, "\(method)")
                #expect(
                    result.errors.contains("'bad': B of the module '\(Self.layer)' holds \(value)"),
                    "\(method): \(result.errors)")
            }
            for command in [
                ["scale", "--by", "2"], ["convert", "--dtype", "q8"], ["resize", "--rank", "1"],
                ["pad", "--rank", "9"],
            ] {
                let result = try tool.run(command + ["bad", "-t", "out"])
                #expect(result.status == 1 && result.errors.contains(Self.layer), "\(command): \(result.errors)")
            }
            #expect(try tool.run("show", "out").status == 3)
        }
    }

    @Test func `near-equal adapters keep the digits of their difference`() throws {
        try withTool { tool, folder throws in
            var generator = SeededGenerator(seed: 74)
            let (a, b) = (random(40, &generator), random(48, &generator))
            // Equal up to a part in a hundred thousand, in both factors.
            let near = (
                a: a.map { Double(Float($0 * (1 + 1e-5 * generator.nextSigned()))) },
                b: b.map { Double(Float($0 * (1 + 1e-5 * generator.nextSigned()))) }
            )
            try push(tool, folder, "a", a: a, b: b, rank: 4)
            try push(tool, folder, "near", a: near.a, b: near.b, rank: 4)
            let (input, out) = (Self.extents.input, Self.extents.out)
            let exact = (0..<out * input).map { index in
                (0..<4).reduce(0.0) { sum, inner in
                    sum + b[index / input * 4 + inner] * a[inner * input + index % input]
                        - near.b[index / input * 4 + inner] * near.a[inner * input + index % input]
                }
            }
            let whole = norm(
                (0..<out * input).map { index in
                    (0..<4).reduce(0.0) { $0 + b[index / input * 4 + $1] * a[$1 * input + index % input] }
                })
            #expect(norm(exact) < 2e-5 * whole && norm(exact) > 1e-6 * whole)
            for (name, options) in [("stacked", []), ("auto", ["--rank", "auto"]), ("eight", ["--rank", "8"])]
                as [(String, [String])]
            {
                let result = try tool.run(["subtract", "a", "near", "-t", name, "--json"] + options)
                try #require(result.status == 0, "\(result.errors)")
                let found = try pulled(tool, name, "\(folder)/\(name)-out")[Self.layer] ?? []
                let distance = norm(zip(found, exact).map { $0 - $1 }) / norm(exact)
                #expect(distance < 1e-6, "\(name): \(distance)")
                let certificate = try JSON.parse(Array(result.output.utf8))["certificate"]
                let stated = try #require(certificate?["deltaNorm"]?.number)
                #expect(abs(stated - norm(exact)) < 1e-6 * norm(exact))
            }
        }
    }

    @Test func `a base model without a target is named`() throws {
        try withTool { tool, folder throws in
            try succeed(tool, "push", Fixtures.peft("llama-task-a"), "a")
            let result = try tool.run(
                "fuse", "a", "--base", Fixtures.directory + "/models/tiny-bert", "-o", folder + "/fused")
            #expect(result.status == 1 && result.errors.contains("has no tensor 'model.layers.0.self_attn."))
            #expect(!FileManager.default.fileExists(atPath: folder + "/fused"))
        }
    }

    @Test func `weights by module: one for all, one for each, the last that matches`() throws {
        try withTool { tool, folder throws in
            for name in ["a", "b"] { try succeed(tool, "push", Fixtures.peft("llama-task-\(name)"), name) }
            let (a, b) = (
                try pulledDeltas(Fixtures.peft("llama-task-a")), try pulledDeltas(Fixtures.peft("llama-task-b"))
            )
            try succeed(
                tool, "merge", "a=0.5", "b=-2", "-t", "out", "--weights-for", "q_proj=3", "--weights-for",
                "layers\\.1\\.=0.25,0", "--weights-for", "layers\\.1\\..*v_proj$=-1,1")
            func factors(_ module: String) -> (Double, Double) {
                if module.contains("layers.1.") { return module.hasSuffix("v_proj") ? (-1, 1) : (0.25, 0) }
                return module.hasSuffix("q_proj") ? (3, 3) : (1, 1)
            }
            let found = try pulled(tool, "out", folder + "/out")
            for module in Set(a.keys).union(b.keys) {
                let (first, second) = factors(module)
                let count = (a[module] ?? b[module])?.count ?? 0
                let expected = (0..<count).map { index in
                    0.5 * first * (a[module]?[index] ?? 0) - 2 * second * (b[module]?[index] ?? 0)
                }
                let values = found[module] ?? [Double](repeating: 0, count: count)
                let distance = norm(zip(values, expected).map { $0 - $1 })
                #expect(distance <= 1e-6 * norm(expected), "\(module)")
            }
            // The weights are part of the record, and computed again they give the same.
            let show = try JSON.parse(Array(succeed(tool, "show", "out", "--json").output.utf8))
            #expect(show["provenance"]?["options"]?["weightsFor"]?.array?.count == 3)
            try succeed(tool, "rebuild", "out")
            for (pattern, word) in [("nothing=1", "no module"), ("q_proj=1,2,3", "3 numbers"), ("(=1", "(")] {
                let result = try tool.run("merge", "a", "b", "-t", "out2", "--weights-for", pattern)
                #expect(result.status == 1 && result.errors.contains(word), "\(result.errors)")
            }
        }
    }

    @Test func `the order of inputs does not decide a bit`() throws {
        try withTool { tool, folder throws in
            for name in ["a", "b", "c"] { try succeed(tool, "push", Fixtures.peft("llama-task-\(name)"), name) }
            func root(_ inputs: [String], _ options: [String]) throws -> String? {
                let result = try tool.run(["merge"] + inputs + options + ["-t", "out", "--recompute", "--json"])
                try #require(result.status == 0, "\(inputs) \(options): \(result.errors)")
                return try JSON.parse(Array(result.output.utf8))["contentRoot"]?.string
            }
            for method in try methods(tool) where !method.hasPrefix("compat-peft-") {
                let weights = ["sce", "model-stock"].contains(method) ? ["", "", ""] : ["=0.7", "=-0.2", "=0.4"]
                let count = ["slerp", "nuslerp"].contains(method) ? 2 : 3
                let all = zip(["a", "b", "c"], weights).map { $0 + $1 }.prefix(count).map(\.self)
                let turned = all.count == 2 ? [all[1], all[0]] : [all[2], all[0], all[1]]
                #expect(try root(all, ["--method", method]) == root(turned, ["--method", method]), "\(method)")
            }
            // PEFT's are defined by the order; so are results that name it.
            #expect(try root(["a", "b"], ["--order", "given"]) != root(["b", "a"], ["--order", "given"]))
            // Weights by module go with their adapters.
            #expect(
                try root(["a", "b=2"], ["--weights-for", "q_proj=0.5,3"])
                    == root(["b=2", "a"], ["--weights-for", "q_proj=3,0.5"]))
            let options = ["--base", Fixtures.directory + "/models/tiny-llama", "-q", "-o"]
            // The model has no o_proj, which b adapts.
            try succeed(tool, "push", Fixtures.peft("llama-rank4-b"), "d")
            let inputs = ["a=0.7", "d=-0.2", "c=0.4"]
            let one = try tool.run(["fuse"] + inputs + options + [folder + "/one"])
            let other = try tool.run(["fuse"] + [2, 0, 1].map { inputs[$0] } + options + [folder + "/other"])
            #expect(one.status == 0 && !one.output.isEmpty && one.output == other.output, "\(one.errors)")
        }
    }

    @Test func `any number of threads gives the same bits`() throws {
        try withTool { tool, folder throws in
            var generator = SeededGenerator(seed: 75)
            // Large enough for several tiles and bands, and for a sketch that does not take everything in.
            for name in ["large", "larger"] {
                try push(
                    tool, folder, name, a: random(4 * 700, &generator), b: random(4 * 900, &generator), rank: 4,
                    input: 700)
            }
            let model = Fixtures.directory + "/models/tiny-llama"
            let commands: [[String]] =
                try methods(tool).flatMap { method in
                    let inputs =
                        switch method {
                        case "slerp", "nuslerp": ["a", "b"]
                        case _ where method.hasPrefix("compat-peft-"): ["even-a", "even-b"]
                        default: ["a", "b", "c"]
                        }
                    let first = ["sce", "model-stock"].contains(method) ? "large" : "large=0.7"
                    return [
                        ["merge"] + inputs + ["--method", method], ["merge", first, "larger", "--method", method],
                    ]
                } + [
                    ["resize", "a", "--budget", "600"], ["resize", "a", "--energy", "0.8"],
                    ["pad", "a", "--rank", "9"],
                    ["convert", "a", "--dtype", "q8"], ["interpolate", "a", "b", "--at", "0.3"],
                    ["extract", "--base", model, "--tuned", folder + "/tuned", "--energy", "0.9"],
                ]
            try succeed(tool, "push", Fixtures.peft("llama-task-a"), "a")
            try succeed(tool, "fuse", "a", "--base", model, "-o", folder + "/tuned")
            var known: [[String]: String] = [:]
            for threads in [1, 2, 3, 8] {
                // A registry of its own: what one has computed before it does not compute again.
                let tool = CommandLineTool(registry: "\(folder)/registry-\(threads)")
                for name in ["a", "b", "c"] { try succeed(tool, "push", Fixtures.peft("llama-task-\(name)"), name) }
                for name in ["a", "b"] {
                    try succeed(tool, "push", Fixtures.peft("llama-rank4-\(name)"), "even-\(name)")
                }
                for name in ["large", "larger"] { try succeed(tool, "push", "\(folder)/\(name)", name) }
                let environment = ["ADAPTERCTL_THREADS": "\(threads)"]
                for command in commands {
                    let result = try tool.run(command + ["-t", "out", "-q"], environment: environment)
                    try #require(result.status == 0, "\(command): \(result.errors)")
                    #expect(known[command, default: result.output] == result.output, "\(command), \(threads) threads")
                    known[command] = result.output
                }
                let fuse = try tool.run(
                    ["fuse", "a=0.3", "--base", model, "-o", "\(folder)/fused-\(threads)", "-q"],
                    environment: environment)
                #expect(fuse.status == 0 && known[["fuse"], default: fuse.output] == fuse.output)
                known[["fuse"]] = fuse.output
            }
            #expect(known.count == commands.count + 1)
        }
    }
}
