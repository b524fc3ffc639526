import AdapterTesting
import FileSystem
import Foundation
import Testing

/// Keys and signatures with the real binary.
@Suite struct SigningTests {
    private func withRegistry(_ body: (CommandLineTool, _ folder: String) throws -> Void) throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            try succeed(tool, "push", Fixtures.peft("llama-task-a"), "team/a:v1")
            try body(tool, folder)
        }
    }

    @discardableResult
    private func succeed(
        _ tool: CommandLineTool, _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let result = try tool.run(arguments)
        #expect(result.status == 0, "\(arguments): \(result.output)\(result.errors)", sourceLocation: sourceLocation)
        return result.output
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    /// The code of the only result of a verification that must fail with 2.
    private func refusal(
        _ tool: CommandLineTool, _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String? {
        let result = try tool.run(["verify", "--json"] + arguments)
        #expect(result.status == 2, "\(result.output)\(result.errors)", sourceLocation: sourceLocation)
        let results = try object(result.output)["results"] as? [[String: Any]]
        #expect(results?.count == 1, sourceLocation: sourceLocation)
        return results?.first?["code"] as? String
    }

    @Test(arguments: ["ed25519", "p256"]) func `generate, sign, verify`(_ algorithm: String) throws {
        try withRegistry { tool, folder in
            let before = try object(succeed(tool, "show", "team/a:v1", "--json"))
            let made = try object(succeed(tool, "key", "generate", "release", "--algorithm", algorithm, "--json"))
            #expect(made["algorithm"] as? String == algorithm)
            #expect(try InputFile(opening: folder + "/registry-keys/release.pem").mode == 0o600)
            #expect(try refusal(tool, "team/a:v1", "--signed-by", "release") == "unsigned")

            let signed = try object(succeed(tool, "sign", "team/a:v1", "--key", "release", "--json"))
            #expect(signed["contentRoot"] as? String == before["contentRoot"] as? String)
            #expect(signed["digest"] as? String != before["digest"] as? String)
            #expect(signed["key"] as? String == made["key"] as? String)
            #expect(signed["changed"] as? Bool == true)
            let verified = try succeed(tool, "verify", "team/a:v1", "--signed-by", "release")
            #expect(verified.contains("signed by release"))
            try succeed(tool, "verify", "team/a:v1")
            try succeed(tool, "verify", "--all")

            let again = try object(succeed(tool, "sign", "team/a:v1", "--key", "release", "--json"))
            #expect(again["digest"] as? String == signed["digest"] as? String)
            #expect(again["changed"] as? Bool == false)
            let shown = try object(succeed(tool, "show", "team/a:v1", "--json"))
            let signatures = try #require(shown["signatures"] as? [[String: Any]])
            #expect(signatures.map { $0["name"] as? String } == ["release"])
            #expect(signatures.map { $0["state"] as? String } == ["valid"])
            let history = try succeed(tool, "history", "team/a")
            #expect(history.contains("sign "))
            #expect(history.contains("release"))
        }
    }

    @Test func `each fault has its own code`() throws {
        try withRegistry { tool, folder in
            for name in ["release", "other", "short"] { try succeed(tool, "key", "generate", name) }
            #expect(try refusal(tool, "team/a:v1", "--signed-by", "release") == "unsigned")
            #expect(try refusal(tool, "team/a:v1", "--signed-by", "nobody") == "unknownKey")
            try succeed(tool, "sign", "team/a:v1", "--key", "other")
            #expect(try refusal(tool, "team/a:v1", "--signed-by", "release") == "wrongKey")
            #expect(try refusal(tool, "team/a:v1", "--signed-by", "other", "--signed-by", "release") == "wrongKey")
            try succeed(tool, "verify", "team/a:v1", "--signed-by", "other")
            try succeed(tool, "sign", "team/a:v1", "--key", "short", "--expires", "2020-02-29")
            #expect(try refusal(tool, "team/a:v1", "--signed-by", "short") == "expiredSignature")

            try succeed(tool, "key", "export", "other")
            let pem = folder + "/other.pem"
            try succeed(tool, "key", "export", "other").write(toFile: pem, atomically: true, encoding: .utf8)
            // Key files are trusted because they are named, whatever else is trusted.
            try succeed(tool, "verify", "team/a:v1", "--signed-by", pem)
            try succeed(tool, "key", "trust", "other", pem, "--expires", "2020-01-01")
            #expect(try refusal(tool, "team/a:v1", "--signed-by", "other") == "expiredKey")
            let sign = try tool.run("sign", "team/a:v1", "--key", "other")
            #expect(sign.status == 1)
            #expect(sign.errors.contains("expired after 2020-01-01"))
            try succeed(tool, "key", "trust", "other", pem, "--expires", "9999-12-31")
            try succeed(tool, "verify", "team/a:v1", "--signed-by", "other")
            let list = try succeed(tool, "key", "list")
            #expect(list.contains("9999-12-31"))

            let shown = try object(succeed(tool, "show", "team/a:v1", "--json"))
            let states = try #require(shown["signatures"] as? [[String: Any]]).map {
                [$0["name"] as? String, $0["state"] as? String]
            }
            #expect(Set(states) == [["other", "valid"], ["short", "expiredSignature"]])
            try succeed(tool, "key", "remove", "other", "--with-private-key")
            #expect(try succeed(tool, "show", "team/a:v1").contains("by a key that is not trusted"))
        }
    }

    @Test func `signatures go out with the file, come in with it, and are found changed`() throws {
        try withRegistry { tool, folder in
            try succeed(tool, "key", "generate", "release", "--algorithm", "p256")
            try succeed(tool, "key", "generate", "second")
            try succeed(tool, "sign", "team/a:v1", "--key", "release")
            try succeed(tool, "sign", "team/a:v1", "--key", "second")
            let path = folder + "/a.adpt"
            try succeed(tool, "pull", "team/a:v1", "-o", path)
            try succeed(tool, "verify", path, "--signed-by", "release", "--signed-by", "second")
            try succeed(tool, "pack", path, "-o", folder + "/raw.adpt", "--codec", "raw")
            try succeed(tool, "verify", folder + "/raw.adpt", "--signed-by", "release", "--signed-by", "second")
            try succeed(tool, "push", path, "team/b:v1", "--message", "with another message")
            try succeed(tool, "verify", "team/b:v1", "--signed-by", "release", "--signed-by", "second")
            // A PEFT folder has no place for them; pushed again, it is the same adapter without signatures.
            try succeed(tool, "pull", "team/a:v1", "-o", folder + "/peft")
            #expect(try refusal(tool, folder + "/peft", "--signed-by", "release") == "unsigned")
            try succeed(tool, "push", folder + "/peft", "team/c:v1")
            #expect(try refusal(tool, "team/c:v1", "--signed-by", "release") == "unsigned")

            let file = try Data(contentsOf: URL(fileURLWithPath: path))
            for offset in [file.count - 1, file.count - 300, file.count / 2, 80, 200] {
                var changed = file
                changed[offset] ^= 1
                try changed.write(to: URL(fileURLWithPath: folder + "/bad.adpt"))
                let result = try tool.run("verify", folder + "/bad.adpt", "--signed-by", "release")
                #expect(result.status == 2, "byte \(offset)")
                #expect(result.output.contains("DAMAGED"))
            }
        }
    }

    @Test func `the signature of one adapter is none of another`() throws {
        try withRegistry { tool, folder in
            try succeed(tool, "key", "generate", "release")
            try succeed(tool, "push", Fixtures.peft("llama-task-b"), "team/b:v1")
            try succeed(tool, "sign", "team/a:v1", "--key", "release", "--detached", folder + "/a.sig")
            try succeed(tool, "verify", "team/a:v1", "--signed-by", "release", "--signature", folder + "/a.sig")
            #expect(
                try refusal(tool, "team/b:v1", "--signed-by", "release", "--signature", folder + "/a.sig")
                    == "otherContent")
            // The same with the other adapter's content root written into the file.
            let roots = try ["team/a:v1", "team/b:v1"].map { name in
                try #require(object(succeed(tool, "show", name, "--json"))["contentRoot"] as? String)
            }
            let forged = try String(contentsOfFile: folder + "/a.sig", encoding: .utf8)
                .replacing(roots[0], with: roots[1])
            try forged.write(toFile: folder + "/b.sig", atomically: true, encoding: .utf8)
            #expect(
                try refusal(tool, "team/b:v1", "--signed-by", "release", "--signature", folder + "/b.sig")
                    == "invalidSignature")
            let malformed = try tool.run([
                "verify", "team/a:v1", "--signed-by", "release", "--signature", Fixtures.directory + "/../README.md",
            ])
            #expect(malformed.status == 2)
            let missing = try tool.run(
                "verify", "team/a:v1", "--signed-by", "release", "--signature", folder + "/none.sig")
            #expect(missing.status == 3)
        }
    }

    @Test func `a detached signature changes nothing else and takes more`() throws {
        try withRegistry { tool, folder in
            for name in ["release", "second"] { try succeed(tool, "key", "generate", name) }
            try succeed(tool, "tag", "team/a:v1", "team/a:fixed", "--immutable")
            let before = try succeed(tool, "list", "--json")
            let refused = try tool.run("sign", "team/a:fixed", "--key", "release")
            #expect(refused.status == 4)
            let path = folder + "/a.sig"
            try succeed(tool, "sign", "team/a:fixed", "--key", "release", "--detached", path)
            let first = try Data(contentsOf: URL(fileURLWithPath: path))
            try succeed(tool, "sign", "team/a:fixed", "--key", "release", "--detached", path)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
            try succeed(tool, "sign", "team/a:fixed", "--key", "second", "--detached", path)
            try succeed(
                tool, "verify", "team/a:fixed", "--signed-by", "release", "--signed-by", "second", "--signature", path)
            #expect(try succeed(tool, "list", "--json") == before)
            #expect(try refusal(tool, "team/a:fixed", "--signed-by", "release") == "unsigned")
            // A file that holds anything else is not overwritten.
            try "precious".write(toFile: path, atomically: true, encoding: .utf8)
            let result = try tool.run("sign", "team/a:fixed", "--key", "release", "--detached", path)
            #expect(result.status == 1)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
        }
    }

    @Test func `a bad signature file is a fault of each subject, and every result is printed`() throws {
        try withRegistry { tool, folder in
            try succeed(tool, "key", "generate", "release")
            try succeed(tool, "sign", "team/a:v1", "--key", "release")
            let bad = folder + "/bad.sig"
            try Data("{}".utf8).write(to: URL(fileURLWithPath: bad))
            let result = try tool.run(
                "verify", "team/a:v1", "team/a:v1", "--signed-by", "release", "--signature", bad, "--json")
            #expect(result.status == 2)
            let results = try object(result.output)["results"] as? [[String: Any]]
            #expect(results?.map { $0["code"] as? String } == ["malformedSignature", "malformedSignature"])
            #expect(
                try tool.run("verify", "team/a:v1", "--signed-by", "release", "--signature", folder + "/none").status
                    == 3)
        }
    }

    @Test func `a file is signed in place, whole or not at all`() throws {
        try withRegistry { tool, folder in
            for name in ["release", "second"] { try succeed(tool, "key", "generate", name) }
            let path = folder + "/a.adpt"
            try succeed(tool, "pull", "team/a:v1", "-o", path)
            try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
            try succeed(tool, "sign", path, "--key", "release")
            #expect(try InputFile(opening: path).mode == 0o640)
            let once = try Data(contentsOf: URL(fileURLWithPath: path))
            try succeed(tool, "sign", path, "--key", "release")
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == once)
            try succeed(tool, "sign", path, "--key", folder + "/registry-keys/second.pem")
            try succeed(tool, "verify", path, "--signed-by", "release", "--signed-by", "second")
            // What is stored and signed is the same file.
            try succeed(tool, "sign", "team/a:v1", "--key", "second")
            try succeed(tool, "sign", "team/a:v1", "--key", "release")
            try succeed(tool, "pull", "team/a:v1", "-o", folder + "/b.adpt")
            #expect(FileManager.default.contentsEqual(atPath: path, andPath: folder + "/b.adpt"))

            var damaged = once
            damaged[damaged.count / 2] ^= 1
            try damaged.write(to: URL(fileURLWithPath: path))
            for extra in [[], ["--detached", folder + "/x.sig"]] {
                #expect(try tool.run(["sign", path, "--key", "second"] + extra).status == 2)
            }
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == damaged)
            #expect(Directory.kind(of: folder + "/x.sig") == nil)
            #expect(try Directory.names(in: folder).filter { $0.hasPrefix(".") } == [])
        }
    }

    @Test func `wrong words end in a sentence and their exit code`() throws {
        try withRegistry { tool, folder in
            try succeed(tool, "key", "generate", "release")
            func expectFailure(_ status: Int32, _ arguments: String...) throws {
                let result = try tool.run(arguments)
                #expect(result.status == status, "\(arguments): \(result.errors)")
                #expect(!result.errors.isEmpty)
                #expect(result.output.isEmpty)
            }
            try expectFailure(64, "sign", "team/a:v1")
            try expectFailure(64, "sign", "team/a:v1", "--key", "no such name")
            try expectFailure(64, "sign", "team/a:v1", "--key", "release", "--expires", "2025-02-29")
            try expectFailure(
                64, "sign", folder, "--key", "release", "--format", "model-signing", "--expires", "2030-01-01")
            try expectFailure(64, "verify", "--all", "--signed-by", "release")
            try expectFailure(64, "verify", "team/a:v1", "--signature", "x")
            try expectFailure(64, "key", "generate", "../x")
            try expectFailure(64, "key", "generate", "x.pem")
            try expectFailure(64, "key", "generate", "x", "--algorithm", "rsa")
            try expectFailure(3, "sign", "team/a:v1", "--key", "nobody")
            try expectFailure(3, "sign", "team/a:v1", "--key", "./nowhere.pem")
            try expectFailure(3, "sign", "team/a:v2", "--key", "release")
            try expectFailure(3, "key", "trust", "x", "./nowhere.pem")
            try expectFailure(3, "key", "export", "nobody")
            try expectFailure(3, "key", "remove", "nobody")
            try expectFailure(4, "key", "generate", "release")
            try expectFailure(4, "key", "remove", "release")
            try expectFailure(4, "sign", "team/a:v1", "--key", "release", "--expect", "absent")
            try expectFailure(1, "sign", Fixtures.peft("llama-task-a"), "--key", "release")
            try expectFailure(1, "sign", "team/a:v1", "--key", "release", "--format", "model-signing")
            try expectFailure(1, "key", "trust", "x", Fixtures.directory + "/../README.md")
            try expectFailure(1, "key", "trust", "x", folder + "/registry-keys/release.pem")
            #expect(try succeed(tool, "key", "list", "-q") == "release\n")
            #expect(try succeed(tool, "--json", "key", "list").hasPrefix("["))
        }
    }

    @Test func `the folder of keys is chosen by option, variable and configuration folder`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let unset = ["ADAPTERCTL_KEYS": "", "XDG_CONFIG_HOME": "", "HOME": folder + "/home"]
            for (arguments, environment, expected) in [
                (["--keys", folder + "/a"], [:], "a"), ([], ["ADAPTERCTL_KEYS": folder + "/b"], "b"),
                ([], unset.merging(["XDG_CONFIG_HOME": folder + "/c"]) { $1 }, "c/adapterctl/keys"),
                ([], unset, "home/.config/adapterctl/keys"),
            ] as [([String], [String: String], String)] {
                let result = try tool.run(["key", "generate", "k"] + arguments, environment: environment)
                #expect(result.status == 0, "\(result.errors)")
                #expect(try Directory.names(in: "\(folder)/\(expected)") == ["k.json", "k.pem"])
            }
        }
    }

    @Test func `a folder is signed for OpenSSF model signing and still pushed`() throws {
        try withRegistry { tool, folder in
            try succeed(tool, "key", "generate", "openssf", "--algorithm", "p256")
            try succeed(tool, "key", "generate", "release")
            let peft = folder + "/peft"
            try succeed(tool, "pull", "team/a:v1", "-o", peft)
            let ed25519 = try tool.run("sign", peft, "--key", "release", "--format", "model-signing")
            #expect(ed25519.status == 1)
            #expect(ed25519.errors.contains("p256"))
            try succeed(tool, "sign", peft, "--key", "openssf", "--format", "model-signing")
            #expect(
                try Directory.names(in: peft) == ["adapter_config.json", "adapter_model.safetensors", "model.sig"])
            // Not overwritten.
            #expect(try tool.run("sign", peft, "--key", "openssf", "--format", "model-signing").status == 1)
            let bundle = try object(String(contentsOfFile: peft + "/model.sig", encoding: .utf8))
            let envelope = try #require(bundle["dsseEnvelope"] as? [String: Any])
            let payload = try #require((envelope["payload"] as? String).flatMap { Data(base64Encoded: $0) })
            let statement = try object(String(decoding: payload, as: UTF8.self))
            let predicate = try #require(statement["predicate"] as? [String: Any])
            let names = (predicate["resources"] as? [[String: String]])?.map { $0["name"] ?? "" }
            #expect(names == ["adapter_config.json", "adapter_model.safetensors"])
            let first = try succeed(tool, "show", "team/a:v1", "-q")
            #expect(try succeed(tool, "push", peft, "team/a:v1", "-q") == first)

            #expect(try succeed(tool, "verify", peft, "--signed-by", "openssf").contains("signed by openssf"))
            #expect(try refusal(tool, peft, "--signed-by", "release") == "wrongKey")
            #expect(try refusal(tool, peft, "--signed-by", "nobody") == "unknownKey")
            let moved = folder + "/moved.sig"
            try Data(contentsOf: URL(fileURLWithPath: peft + "/model.sig")).write(to: URL(fileURLWithPath: moved))
            try succeed(tool, "verify", peft, "--signed-by", "openssf", "--signature", moved)
            let extra = URL(fileURLWithPath: peft + "/extra.txt")
            try Data("x".utf8).write(to: extra)
            #expect(try refusal(tool, peft, "--signed-by", "openssf") == "otherContent")
            try Directory.remove(extra.path)
            let configuration = URL(fileURLWithPath: peft + "/adapter_config.json")
            let intact = try Data(contentsOf: configuration)
            try (intact + Data(" ".utf8)).write(to: configuration)
            #expect(try refusal(tool, peft, "--signed-by", "openssf") == "otherContent")
            try intact.write(to: configuration)
            try succeed(tool, "verify", peft, "--signed-by", "openssf")
            let signature = URL(fileURLWithPath: peft + "/model.sig")
            let text = try String(contentsOf: signature, encoding: .utf8)
            let statementText = String(decoding: payload, as: UTF8.self)
            let forged = Data(statementText.replacing("\"method\":\"files\"", with: "\"method\":\"files\" ").utf8)
            #expect(forged != payload)
            try text.replacing(payload.base64EncodedString(), with: forged.base64EncodedString())
                .write(to: signature, atomically: true, encoding: .utf8)
            #expect(try refusal(tool, peft, "--signed-by", "openssf") == "invalidSignature")
            try "{}".write(to: signature, atomically: true, encoding: .utf8)
            #expect(try refusal(tool, peft, "--signed-by", "openssf") == "malformedSignature")
            try Directory.remove(signature.path)
            #expect(try refusal(tool, peft, "--signed-by", "openssf") == "unsigned")
            try succeed(tool, "sign", peft, "--key", "openssf", "--format", "model-signing")
            // Links are refused, as they are by its verifiers.
            try Directory.remove(peft + "/model.sig")
            try FileManager.default.createSymbolicLink(atPath: peft + "/link", withDestinationPath: "/etc/passwd")
            #expect(try tool.run("sign", peft, "--key", "openssf", "--format", "model-signing").status == 1)
        }
    }
}
