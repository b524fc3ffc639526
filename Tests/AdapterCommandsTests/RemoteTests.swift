import AdapterInterchange
import AdapterTesting
import ByteCoding
import FileSystem
import Foundation
import Testing

/// Push, pull and list against programs that nobody here has written: docker-registry, skopeo and oras.
@Suite(.enabled(if: DockerRegistry.isInstalled || DockerRegistry.isRequired, "run Scripts/setup-peers first"))
struct RemoteTests {
    static let root = URL(fileURLWithPath: Fixtures.directory).deletingLastPathComponent().deletingLastPathComponent()
        .path
    static let source = "\(Fixtures.directory)/peft/llama-task-a"

    /// A registry of Docker, a local one with an adapter in it, and a folder for everything.
    static func withPeer(
        users: [String: String] = [:], _ body: (CommandLineTool, DockerRegistry, String) throws -> Void
    ) throws {
        try withTemporaryDirectory { folder in
            let peer = try DockerRegistry(in: "\(folder)/peer", users: users)
            let tool = CommandLineTool(registry: "\(folder)/local")
            _ = try Self.json(tool, "push", source, "team/support:v1", "--message", "trained on tickets")
            try body(tool, peer, folder)
        }
    }

    /// Runs a command that must succeed, with `--json`.
    @discardableResult
    static func json(_ tool: CommandLineTool, _ arguments: String..., environment: [String: String] = [:]) throws
        -> MetadataValue
    {
        let result = try tool.run(arguments + ["--json"], environment: environment)
        #expect(result.status == 0, "\(arguments): \(result.errors)")
        return (try? JSON.parse(Array(result.output.utf8))) ?? .null
    }

    static func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    @Test func `what is pushed is listed, pulled and byte-identical, and moves once`() throws {
        try Self.withPeer { tool, peer, folder throws in
            let remote = "oci://\(peer.host)/team/support"
            let pushed = try Self.json(tool, "push", "team/support:v1", "\(remote):v1", "\(remote):latest")
            #expect(pushed["pushed"]?.array?.count == 2)
            #expect((pushed["pushed"]?.array?[0]["sentByteCount"]?.integer ?? 0) > 1000)
            #expect(pushed["pushed"]?.array?[1]["sentByteCount"] == 0)
            let listed = try Self.json(tool, "list", remote)
            #expect(listed.array?.map { $0["tag"]?.string } == ["latest", "v1"])
            #expect(listed.array?.allSatisfy { $0["digest"] == pushed["digest"] } == true)
            #expect(listed.array?[0]["contentRoot"] == pushed["contentRoot"])
            let other = CommandLineTool(registry: "\(folder)/other")
            let pulled = try Self.json(other, "pull", "\(remote):v1")
            #expect(pulled["reference"] == "team/support:v1")
            #expect(pulled["contentRoot"] == pushed["contentRoot"])
            #expect(try Self.json(other, "pull", "\(remote):latest", "mirror/a:b")["fetchedByteCount"] == 0)
            for (tool, path) in [(tool, "\(folder)/1.adpt"), (other, "\(folder)/2.adpt")] {
                try Self.json(tool, "pull", "team/support:v1", "-o", path)
            }
            try Self.json(tool, "pull", "\(remote)@\(pushed["digest"]?.string ?? "")", "-o", "\(folder)/3.adpt")
            #expect(try Self.bytes("\(folder)/1.adpt") == Self.bytes("\(folder)/2.adpt"))
            #expect(try Self.bytes("\(folder)/1.adpt") == Self.bytes("\(folder)/3.adpt"))
            #expect(try other.run("verify", "--all").status == 0)
        }
    }

    @Test func `the repositories of a registry are listed, and nothing is chosen by what it does not know`() throws {
        try Self.withPeer { tool, peer, _ throws in
            for name in ["team/support", "other/copy"] {
                try Self.json(tool, "push", "team/support:v1", "oci://\(peer.host)/\(name):v1")
            }
            for place in ["oci://\(peer.host)/", "oci://\(peer.host)"] {
                let listed = try Self.json(tool, "list", place).array ?? []
                #expect(listed.map { $0["repository"]?.string } == ["other/copy", "team/support"])
            }
            #expect(try tool.run("list", "oci://\(peer.host)/", "--quiet").output == "other/copy\nteam/support\n")
            for filter in [["--rank", "8"], ["--base", "x"], ["--search", "x"], ["--reverse"], ["--sort", "size"]] {
                for place in ["oci://\(peer.host)/team/support", "oci://\(peer.host)/"] {
                    let refused = try tool.run(["list", place] + filter)
                    #expect(refused.status == 64)
                    #expect(refused.errors.contains("\(filter[0]) is for the local registry"))
                }
            }
        }
    }

    @Test func `a remote manifest is removed, and a tag where the registry removes tags`() throws {
        try Self.withPeer { tool, peer, _ throws in
            let remote = "oci://\(peer.host)/team/support"
            let pushed = try Self.json(tool, "push", "team/support:v1", "\(remote):v1")
            let digest = try #require(pushed["digest"]?.string)
            // docker-registry 2.8 removes no tags, and the error says what to name instead.
            let refused = try tool.run("rm", "\(remote):v1")
            #expect(refused.status != 0)
            #expect(refused.errors.contains("\(remote)@\(digest)"))
            #expect(try tool.run("rm", remote).status == 64)
            #expect(try Self.json(tool, "rm", "\(remote)@\(digest)")["digest"]?.string == digest)
            #expect(try tool.run("rm", "\(remote)@\(digest)").status == 3)
            #expect(try tool.run("pull", "\(remote):v1").status == 3)
        }
    }

    @Test func `a repository of the same registry gives what it has`() throws {
        try Self.withPeer { tool, peer, _ throws in
            let pushed = try Self.json(
                tool, "push", "team/support:v1", "oci://\(peer.host)/one/a:v1", "oci://\(peer.host)/two/b:v1")
            let second = pushed["pushed"]?.array?[1]
            #expect(second?["sentByteCount"] == 0)
            #expect((second?["mountedByteCount"]?.integer ?? 0) > 1000)
        }
    }

    @Test func `documents travel along unless they shall not`() throws {
        try Self.withPeer { tool, peer, folder throws in
            try Self.json(tool, "scale", "team/support:v1", "--by", "0.5", "-t", "team/half:v1")
            let documents = try Self.json(tool, "document", "list", "team/half:v1").array ?? []
            #expect(documents.count >= 2)
            let remote = "oci://\(peer.host)/team/half:v1"
            let pushed = try Self.json(tool, "push", "team/half:v1", remote)
            #expect(pushed["pushed"]?.array?[0]["documentCount"]?.integer == documents.count)
            let other = CommandLineTool(registry: "\(folder)/other")
            #expect(try Self.json(other, "pull", remote)["documentCount"]?.integer == documents.count)
            let arrived = try Self.json(other, "document", "list", "team/half:v1").array ?? []
            #expect(Set(arrived.map { $0["digest"]?.string }) == Set(documents.map { $0["digest"]?.string }))
            let bare = CommandLineTool(registry: "\(folder)/bare")
            #expect(try Self.json(bare, "pull", remote, "--no-documents")["documentCount"] == 0)
        }
    }

    @Test func `the PEFT layout comes back as the same adapter, and as the same files`() throws {
        try Self.withPeer { tool, peer, folder throws in
            let remote = "oci://\(peer.host)/team/peft:v1"
            let pushed = try Self.json(tool, "push", "team/support:v1", remote, "--layout", "peft")
            try Self.json(tool, "pull", "team/support:v1", "-o", "\(folder)/direct")
            try Self.json(tool, "pull", remote, "-o", "\(folder)/remote")
            for name in ["adapter_model.safetensors", "adapter_config.json"] {
                #expect(try Self.bytes("\(folder)/direct/\(name)") == Self.bytes("\(folder)/remote/\(name)"))
            }
            let other = CommandLineTool(registry: "\(folder)/other")
            #expect(try Self.json(other, "pull", remote, "a:v1")["contentRoot"] == pushed["contentRoot"])
        }
    }

    @Test func `a stored file that is damaged is not pushed`() throws {
        try Self.withPeer { tool, peer, folder throws in
            // Too large to be sent with one request.
            try Self.writeFolder("\(folder)/big", elementCount: 2 << 20)
            try Self.json(tool, "push", "\(folder)/big", "big:v1", "--codec", "raw")
            let blobs = try #require(FileManager.default.enumerator(atPath: tool.registry)).compactMap { name in
                (name as? String).map { "\(tool.registry)/\($0)" }
            }
            func size(_ path: String) -> Int {
                (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
            }
            let blob = try #require(blobs.max { size($0) < size($1) })
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: blob)
            let file = try #require(FileHandle(forUpdatingAtPath: blob))
            try file.seek(toOffset: UInt64(size(blob) / 2))
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: UInt64(size(blob) / 2))
            try file.write(contentsOf: [byte ^ 1])
            for layout in ["adpt", "peft"] {
                let refused = try tool.run("push", "big:v1", "oci://\(peer.host)/big:\(layout)", "--layout", layout)
                #expect(refused.status == 2, "\(refused.errors)")
                #expect(refused.errors.contains("digest"), "\(refused.errors)")
                #expect(try tool.run("pull", "oci://\(peer.host)/big:\(layout)", "other:v1").status == 3)
            }
        }
    }

    @Test func `skopeo reads what was pushed and pushes what was exported`() throws {
        try Self.withPeer { tool, peer, folder throws in
            let skopeo = try #require(Program.path(of: "skopeo"))
            let pushed = try Self.json(tool, "push", "team/support:v1", "oci://\(peer.host)/team/support:v1")
            let copied = try Program.run(
                skopeo,
                [
                    "copy", "--insecure-policy", "--src-tls-verify=false", "docker://\(peer.host)/team/support:v1",
                    "oci:\(folder)/layout:v1",
                ])
            #expect(copied.status == 0, "\(copied.output)")
            let other = CommandLineTool(registry: "\(folder)/other")
            let pulled = try Self.json(other, "pull", "oci:\(folder)/layout:v1", "a:v1")
            #expect(pulled["manifest"] == pushed["digest"])
            // And the other way round.
            try Self.json(other, "push", "a:v1", "oci:\(folder)/export:v2")
            let back = try Program.run(
                skopeo,
                [
                    "copy", "--insecure-policy", "--dest-tls-verify=false", "oci:\(folder)/export:v2",
                    "docker://\(peer.host)/team/copy:v2",
                ])
            #expect(back.status == 0, "\(back.output)")
            let last = CommandLineTool(registry: "\(folder)/last")
            let returned = try Self.json(last, "pull", "oci://\(peer.host)/team/copy:v2")
            #expect(returned["manifest"] == pushed["digest"])
            #expect(returned["digest"] == pulled["digest"])
        }
    }

    @Test func `oras reads what was pushed and pushes what PEFT wrote`() throws {
        let python = "\(Self.root)/.build-peers/bin/python"
        guard FileManager.default.isExecutableFile(atPath: python) || DockerRegistry.isRequired else {
            // Said aloud, as a test that is not run has not passed.
            print("oras is not installed and not tried; run Scripts/setup-peers")
            return
        }
        try Self.withPeer { tool, peer, folder throws in
            try Self.json(tool, "push", "team/support:v1", "oci://\(peer.host)/team/support:v1")
            let script = """
                import sys, oras.client
                client = oras.client.OrasClient(hostname=sys.argv[1], insecure=True, tls_verify=False)
                client.pull(target=sys.argv[1] + "/team/support:v1", outdir=sys.argv[2])
                client.push(
                    target=sys.argv[1] + "/team/oras:v1", disable_path_validation=True,
                    files=["adapter_config.json", "adapter_model.safetensors"])
                """
            let result = try Program.run(
                python, ["-c", script, peer.host, "\(folder)/pulled"], directory: Self.source)
            #expect(result.status == 0, "\(result.output)")
            try Self.json(tool, "pull", "team/support:v1", "-o", "\(folder)/direct.adpt")
            #expect(try Self.bytes("\(folder)/pulled/adapter.adpt") == Self.bytes("\(folder)/direct.adpt"))
            try Self.json(tool, "pull", "oci://\(peer.host)/team/oras:v1", "-o", "\(folder)/from-oras")
            #expect(
                try Self.bytes("\(folder)/from-oras/adapter_model.safetensors")
                    == Self.bytes("\(Self.source)/adapter_model.safetensors"))
        }
    }

    @Test func `credentials are tried, kept, used and forgotten`() throws {
        try Self.withPeer(users: ["alice": "secret"]) { tool, peer, folder throws in
            let environment = ["DOCKER_CONFIG": "\(folder)/docker", "HOME": folder, "XDG_RUNTIME_DIR": folder]
            func login(_ password: String) throws -> Program.Result {
                try Program.run(
                    "/usr/bin/env",
                    environment.map { "\($0.key)=\($0.value)" }
                        + [CommandLineTool.path, "login", peer.host, "-u", "alice", "--password-stdin"],
                    input: "\(password)\n")
            }
            let push = ["push", "team/support:v1", "oci://\(peer.host)/team/support:v1"]
            #expect(try tool.run(push, environment: environment).status == 5)
            #expect(try login("wrong").status == 5)
            #expect(try login("secret").status == 0)
            #expect(try tool.run(push, environment: environment).status == 0)
            #expect(try tool.run("logout", peer.host, environment: environment).status == 0)
            let refused = try tool.run(push, environment: environment)
            #expect(refused.status == 5)
            #expect(refused.errors.contains("adapterctl login"))
            #expect(!refused.errors.contains("secret"))
        }
    }

    @Test func `a certificate of one's own authority is trusted when it is named`() throws {
        try withTemporaryDirectory { folder in
            let openssl = try #require(Program.path(of: "openssl"))
            let made = try Program.run(
                openssl,
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "\(folder)/key.pem",
                    "-out",
                    "\(folder)/cert.pem",
                ])
            #expect(made.status == 0)
            let peer = try DockerRegistry(
                in: "\(folder)/peer", certificate: ("\(folder)/cert.pem", "\(folder)/key.pem"))
            let tool = CommandLineTool(registry: "\(folder)/local")
            try Self.json(tool, "push", Self.source, "a:v1")
            let remote = "oci+https://\(peer.host)/a:v1"
            let refused = try tool.run("push", "a:v1", remote)
            #expect(refused.status == 5)
            #expect(refused.errors.contains("--ca-file"))
            try Self.json(tool, "push", "a:v1", remote, "--ca-file", "\(folder)/cert.pem")
            try Self.json(
                tool, "pull", remote, "-o", "\(folder)/out", environment: ["SSL_CERT_FILE": "\(folder)/cert.pem"])
            withExtendedLifetime(peer) {}
        }
    }

    @Test func `what is missing has an exit code of its own, and so has a peer that is not there`() throws {
        try Self.withPeer { tool, peer, folder throws in
            #expect(try tool.run("pull", "oci://\(peer.host)/team/none:v1").status == 3)
            #expect(try tool.run("list", "oci://\(peer.host)/team/none").status == 3)
            #expect(try tool.run("push", "team/none:v1", "oci://\(peer.host)/a").status == 3)
            #expect(try tool.run("pull", "oci://127.0.0.1:1/a:v1").status == 5)
            #expect(try tool.run("pull", "oci://h.example/A:v1").status == 64)
            #expect(try tool.run("pull", "oci:\(folder)/nothing:v1", "a:v1").status == 3)
            #expect(try tool.run("pull", "team/support:v1").status == 64)
        }
    }

    @Test func `a client that is killed leaves nothing, and the next goes on`() throws {
        try Self.withPeer { tool, peer, folder throws in
            // Large enough to be hit on its way.
            let big = "\(folder)/big"
            try Self.writeFolder(big, elementCount: 12 << 20)
            try Self.json(tool, "push", big, "big:v1", "--codec", "raw")
            let remote = "oci://\(peer.host)/big:v1"
            let push = try tool.start(["push", "big:v1", remote])
            usleep(150_000)
            push.kill()
            _ = push.wait()
            let pushed = try Self.json(tool, "push", "big:v1", remote)
            let other = CommandLineTool(registry: "\(folder)/other")
            for delay: UInt32 in [60_000, 120_000, 180_000] {
                let pull = try other.start(["pull", remote])
                usleep(delay)
                pull.kill()
                _ = pull.wait()
                let listed = try Self.json(other, "list").array ?? []
                if !listed.isEmpty { #expect(try other.run("verify", "--all").status == 0) }
            }
            #expect(try Self.json(other, "pull", remote)["contentRoot"] == pushed["contentRoot"])
            #expect(try other.run("verify", "--all").status == 0)
            #expect(try Directory.names(in: "\(folder)/other/transfers").isEmpty)
        }
    }

    /// A PEFT folder with one module, whose B has that many elements of rank 8.
    private static func writeFolder(_ folder: String, elementCount: Int) throws {
        try Directory.create(folder)
        let configuration = #"{"peft_type":"LORA","r":8,"lora_alpha":16,"target_modules":["q_proj"],"bias":"none"}"#
        try configuration.write(toFile: "\(folder)/adapter_config.json", atomically: true, encoding: .utf8)
        let rows = elementCount / 8
        let prefix = "base_model.model.layers.0.q_proj"
        let header = """
            {"\(prefix).lora_A.weight":{"dtype":"F32","shape":[8,16],"data_offsets":[0,512]},\
            "\(prefix).lora_B.weight":{"dtype":"F32","shape":[\(rows),8],"data_offsets":[512,\(512 + rows * 32)]}}
            """
        let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        var length = UInt64(padded.utf8.count).littleEndian
        var data = withUnsafeBytes(of: &length) { Data($0) } + Data(padded.utf8)
        var values = [Float](repeating: 0, count: 128 + rows * 8)
        for index in values.indices { values[index] = Float(index % 1000) / 1000 }
        data += values.withUnsafeBytes { Data($0) }
        try data.write(to: URL(fileURLWithPath: "\(folder)/adapter_model.safetensors"))
    }
}
