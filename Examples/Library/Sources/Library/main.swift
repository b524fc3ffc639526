import AdapterArithmetic
import AdapterFormat
import AdapterInterchange
import AdapterRegistry
import Adapters
import Tensors

// Library SUPPORT TONE FOLDER: the tutorial of AdapterRegistry.docc as a program.
let arguments = CommandLine.arguments
precondition(arguments.count == 4, "usage: Library SUPPORT TONE FOLDER")
let (supportPath, tonePath, folder) = (arguments[1], arguments[2], arguments[3])

// Read.
let support = try ForeignLayout.detect(supportPath).read(supportPath).adapter
let tone = try PEFT.read(folder: tonePath)
for (name, update) in support.updates.prefix(2) {
    print("\(name): rank \(update.rank), scaling \(update.scaling), \(update.a.dtype)")
}

let a = support.updates[0].update.a
let norm = try a.doubles().reduce(0) { $0 + $1 * $1 }.squareRoot()
print("a matrix of shape \(a.shape) with the norm \(norm)")

// Merge.
let merged = try Merge.merge(
    [
        MergeInput(adapter: support, weight: 0.7, label: "support"),
        MergeInput(adapter: tone, weight: 0.3, label: "tone"),
    ], options: MergeOptions(method: .exact, rank: 8))
print("merged: \(merged.adapter.modules.count) modules of ranks \(merged.adapter.ranks)")

// A file.
let path = folder + "/assistant.adpt"
let written = try AdapterFileWriter.write(merged.adapter, toPath: path)
let file = try AdapterFile(opening: path)
let digest = try file.verify()
print("written and verified: \(file.adapter.parameterCount) parameters, \(digest.description.prefix(7))…")

// A registry.
let registry = try Registry(opening: folder + "/registry")
let parents = try [("team/support:v1", support, 0.7), ("team/tone:v1", tone, 0.3)].map { name, adapter, weight in
    let stored = try registry.push(adapter, as: Reference(parsing: name))
    return Provenance.Parent(digest: stored.digest, contentRoot: stored.contentRoot, weight: weight)
}
let assistant = try registry.push(merged.adapter, as: Reference(parsing: "team/assistant:v1")) {
    Provenance(
        operation: "merge", toolVersion: "tutorial 1", parents: parents, options: ["method": "exact", "rank": 8],
        certificate: try merged.certificate())
}
print("stored: \(assistant.contentRoot == written.contentRoot ? "the same adapter as in the file" : "another adapter")")

// Read it back.
for stored in try registry.list(ListQuery(pattern: "team/*")) {
    print("\(stored.reference): \(stored.summary.moduleCount) modules, \(stored.summary.parameterCount) parameters")
}
let findings = try registry.verify(assistant.reference)
print("damage found: \(findings.count)")
let certificate = try registry.open(assistant.reference).provenance()?.certificate
let loss = certificate?.relativeTruncationError ?? 0
print("lost by rank 8: \((loss * 1000).rounded() / 10) %")
try PEFT.write(registry.open(assistant.reference).adapter, toFolder: folder + "/assistant")
