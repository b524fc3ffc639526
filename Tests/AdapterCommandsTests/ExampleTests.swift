import AdapterTesting
import ByteCoding
import Foundation
import Testing

/// Every example in the help does what it says, on small adapters under the names that the examples use.
@Suite struct ExampleTests {
    /// What runs otherwise than it stands there, with the reason.
    private static let exceptions = [
        "adapterctl login registry.example.com": "asks for a name and a password at a terminal",
        "adapterctl rm oci://registry.example.com/team/support:v1": "docker-registry 2.8 removes manifests, not tags",
    ]

    /// What stands in the place of things that are not here.
    private static let substitutions = [
        // A share of the work teaches as much.
        " --max-steps 400": " --max-steps 1",
        "adapterctl train ": "adapterctl train --rank 2 --max-seq-length 32 ",
        " --mask-prompt -t ": " --mask-prompt --max-steps 1 -t ",
        // Folders of the machine become folders of the test.
        " /backups/": " ./backups/", " /etc/": " ./etc/", " /usr/": " ./usr/",
    ]

    /// What must not be there yet, by the start of a command.
    private static let preparations = [
        "adapterctl key generate": "rm -r keys", "adapterctl key trust": "adapterctl key remove alice --quiet",
        "adapterctl backup": "rm -r backups",
    ]

    /// Makes everything that the examples name. `$FIXTURES` is the folder of the fixtures.
    private static let setup = """
        mkdir -p bin backups etc/bash_completion.d usr/local/share/zsh/site-functions .config/fish/completions
        for name in SmolLM2-135M Llama-3.1-8B model base; do ln -s "$FIXTURES/training/tiny" $name; done
        ln -s "$FIXTURES/interchange/bases/tiny-diffusion" stable-diffusion-v1-5
        ln -s "$FIXTURES/interchange/kohya/lora/adapter.safetensors" style.safetensors
        ln -s "$FIXTURES/interchange/mlx/lora" mlx-adapter
        head -c 4000 "$FIXTURES/training/bierce_train.txt" > book.txt
        for name in chat test val; do
            for number in 1 2 3 4; do
                echo '{"prompt": "What is an egotist?", "completion": " A person of low taste."}'
            done > $name.jsonl
        done
        echo '{"accuracy": 0.5}' > evaluation.json
        # Graphviz, as far as an example goes.
        printf '#!/bin/sh\\nexec cat\\n' > bin/dot
        chmod +x bin/dot

        seed=0
        for name in support:v1 tone:v1 a:v1 a:v2 b:v1; do
            seed=$((seed + 1))
            adapterctl train --base ./model --data book.txt --rank 4 --max-seq-length 32 --max-steps 2 --lr 1e-2 \
                --seed $seed -t team/$name -q
        done
        adapterctl tag team/support:v1 team/support:old
        adapterctl tag team/tone:v1 team/tone:v3
        adapterctl scale team/support:v1 --by 0.9 -t team/support:v3
        for version in v1 v3 v1; do adapterctl tag team/support:$version team/support:production; done
        adapterctl merge team/support:v1 team/tone:v1 -t team/assistant:v1
        adapterctl merge team/a:v1 team/b:v1 -t team/ab:v1
        adapterctl merge team/a:v1=2 team/b:v1 -t team/merged:v1
        adapterctl tag team/b:v1 team/toxic:v1
        adapterctl convert team/a:v1 -t team/a:small --dtype q8

        adapterctl pull team/support:v1 -o my-adapter
        cp -r my-adapter support
        cp -r my-adapter before
        for name in my-adapter support other after; do adapterctl pack ./my-adapter -o $name.adpt; done
        adapterctl fuse team/support:v1 --base ./model -o fused-support
        cp -r fused-support tuned
        mv fused-support Llama-3.1-8B-Instruct
        adapterctl fuse team/a:v1 --base ./model -o fused

        adapterctl key generate alice
        adapterctl key export alice > alice.pem
        rm -r keys
        adapterctl key trust alice alice.pem
        adapterctl key generate release
        adapterctl key generate openssf --algorithm p256
        for name in support:v1 support:v3 tone:v1 a:v1 a:v2 a:small b:v1 ab:v1 merged:v1 assistant:v1 \
            support:old support:production tone:v3 toxic:v1; do
            adapterctl sign team/$name --key release
        done
        adapterctl sign my-adapter.adpt --key release
        adapterctl document sign team/assistant:v1 --key release
        echo 'steps: {result: {operation: merge, inputs: [team/a:v1=0.5, team/b:v1], options: {method: exact}}}' > recipe.yaml
        adapterctl lock 'team/*' --signed-by release
        adapterctl backup backups/monday

        echo "$TOKEN" | adapterctl login $PEER -u robot --password-stdin
        adapterctl push team/support:v1 oci://$PEER/team/support:v1
        """

    private static func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

    /// What a command writes, which must not be there before.
    private static func outputs(_ line: String) -> [String] {
        let words = words(line)
        if line.contains(" --check") || line.contains(" --plot") || line.contains(" --shard") { return [] }
        if line.hasPrefix("adapterctl convert "), !line.contains(" -t ") { return [words[3]] }
        return words.indices.dropLast().filter { words[$0] == "-o" }.map { words[$0 + 1] }
    }

    private let token = "correct horse battery"

    private func run(_ script: String, in folder: String, _ peer: DockerRegistry) throws -> CommandLineTool.Result {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try CommandLineTool(registry: folder + "/registry").run(
            [], launcher: ["/bin/bash", "-euo", "pipefail", "-c", script],
            environment: [
                "HOME": folder, "PATH": "\(folder)/bin:\(path)", "ADAPTERCTL_KEYS": folder + "/keys", "PEER": peer.host,
                "TOKEN": token, "FIXTURES": Fixtures.directory,
            ], directory: folder)
    }

    /// The example as it is run: digests are those of the registry, the registry of the examples is the peer.
    private func runnable(_ example: String, in folder: String, _ peer: DockerRegistry) throws -> String {
        var line = Self.substitutions.reduce(example) { $0.replacing($1.key, with: $1.value) }
        line.replace("registry.example.com", with: peer.host)
        let tool = CommandLineTool(registry: folder + "/registry")
        if line.contains("1204:sha256:…") {
            let log = try JSON.parse(Array(tool.run("log", "--verify", "--json").output.utf8))
            line.replace("1204:sha256:…", with: try #require(log["head"]?.string))
        } else if line.contains("sha256:…") {
            let shown = try JSON.parse(Array(tool.run("show", "team/support:production", "--json").output.utf8))
            line.replace("sha256:…", with: try #require(shown["digest"]?.string))
        }
        let before =
            Self.preparations.filter { line.hasPrefix($0.key) }.map(\.value)
            + Self.outputs(line).map { "rm -rf '\($0)'" }
        return (before + [line]).joined(separator: "\n")
    }

    @Test(.enabled(if: DockerRegistry.isInstalled || DockerRegistry.isRequired))
    func `every example of the help runs`() throws {
        try withTemporaryDirectory { folder throws in
            let peer = try DockerRegistry(in: folder + "/peer", users: ["robot": token])
            let template = folder + "/template"
            try FileManager.default.createDirectory(atPath: template + "/bin", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: template + "/bin/adapterctl", withDestinationPath: CommandLineTool.path)
            let made = try run(Self.setup, in: template, peer)
            try #require(made.status == 0, "\(made.output.suffix(500))\(made.errors)")

            let tree = try CommandTree()
            let examples = Set(([tree.root] + tree.commands).flatMap(\.examples))
            #expect(examples.count > 100)
            #expect(examples.isSuperset(of: Self.exceptions.keys))
            for example in examples.sorted() where Self.exceptions[example] == nil {
                // Each finds everything as it was.
                let scratch = folder + "/scratch"
                try Program.run("/bin/cp", ["-a", template, scratch], directory: folder)
                let result = try run(runnable(example, in: scratch, peer), in: scratch, peer)
                #expect(result.status == 0, "\(example): \(result.output.suffix(300))\(result.errors)")
                try FileManager.default.removeItem(atPath: scratch)
            }
            withExtendedLifetime(peer) {}
        }
    }
}
