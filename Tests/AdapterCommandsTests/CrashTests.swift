import AdapterTesting
import FileSystem
import Foundation
import Testing

/// Processes that die or race: the registry shows the old or the new state, whole.
@Suite(.serialized) struct CrashTests {
    @Test func `SIGKILL at any moment leaves the old or the new state`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let names = ["llama-task-a", "llama-task-b"]
            let digests = try names.map { name in
                try tool.run("push", Fixtures.peft(name), "team/x:v1", "-q").output
            }
            // How long a push takes decides where the kills fall.
            let clock = ContinuousClock()
            let duration = try clock.measure { _ = try tool.run("push", Fixtures.peft(names[0]), "team/x:v1") }
            // Where the machine gets slower or faster meanwhile, the span follows.
            var span = 1.1 * (duration / .seconds(1))
            let seed = UInt64.random(in: 0 ... .max)
            var generator = SeededGenerator(seed: seed)
            var current = digests[0]
            var killed = 0
            for round in 0..<200 {
                let index = (round + 1) % 2
                let process = try tool.start(["push", Fixtures.peft(names[index]), "team/x:v1", "-q"])
                Thread.sleep(forTimeInterval: Double.random(in: 0..<span, using: &generator))
                process.kill()
                let isKilled = process.wait().status != 0
                if isKilled { killed += 1 }
                span *= isKilled ? 1.01 : 0.95
                let shown = try tool.run("show", "team/x:v1", "-q")
                #expect(shown.status == 0, "seed \(seed), round \(round): \(shown.errors)")
                #expect(shown.output == current || shown.output == digests[index], "seed \(seed), round \(round)")
                current = shown.output
                if round % 10 == 9 {
                    let verify = try tool.run("verify", "--all")
                    #expect(verify.status == 0, "seed \(seed), round \(round): \(verify.output)\(verify.errors)")
                }
            }
            #expect(killed > 50, "only \(killed) of 200 pushes were killed before their end")
            #expect(try tool.run("verify", "--all").status == 0)
        }
    }

    @Test func `eight processes push fifty adapters each`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let script = """
                for i in $(seq 50); do "$0" push "$2" "w$1/adapter-$i:v1" -q --message "$1-$i" || exit 1; done
                """
            let peft = Fixtures.peft("llama-lora-f32")
            let workers = try (0..<8).map { worker in
                try tool.start(["\(worker)", peft], launcher: ["/bin/bash", "-c", script])
            }
            for worker in workers {
                let result = worker.wait()
                #expect(result.status == 0, "\(result.errors)")
                #expect(!result.errors.contains("locked"))
            }
            let list = try tool.run("list", "-q", "--limit", "1000")
            #expect(list.output.split(separator: "\n").count == 400)
            #expect(try tool.run("verify", "--all").status == 0)
        }
    }

    @Test func `of pushes that expect no tag exactly one wins`() throws {
        try withTemporaryDirectory { folder in
            let tool = CommandLineTool(registry: folder + "/registry")
            let names = ["llama-task-a", "llama-task-b", "llama-task-c", "llama-lora-f32"]
            let processes = try names.map { name in
                try tool.start(["push", Fixtures.peft(name), "team/x:v1", "--expect", "absent", "-q"])
            }
            let results = processes.map { $0.wait() }
            #expect(results.filter { $0.status == 0 }.count == 1)
            #expect(results.filter { $0.status == 4 }.count == 3)
            let winner = results.first { $0.status == 0 }
            #expect(try tool.run("show", "team/x:v1", "-q").output == winner?.output)
        }
    }
}
