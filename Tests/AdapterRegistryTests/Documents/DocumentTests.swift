import AdapterFormat
import AdapterTesting
import Adapters
import ByteCoding
import FileSystem
import GRDB
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct DocumentTests {
    private func withComputed(_ body: (Registry, StoredAdapter, StoredAdapter) throws -> Void) throws {
        try withRegistry { registry throws in
            let parent = try registry.push(sample(1), as: reference("parent"))
            let child = try registry.push(
                sample(2, message: "a <b>"), as: reference("child"),
                provenance: {
                    Provenance(
                        operation: "merge", toolVersion: "1",
                        parents: [.init(digest: parent.digest, contentRoot: parent.contentRoot, weight: 2)],
                        options: ["rank": 3])
                })
            try body(registry, parent, child)
        }
    }

    private func fault(_ registry: Registry, _ document: AttachedDocument, _ stored: StoredAdapter) throws -> String? {
        try registry.fault(in: document, of: stored) { ["x": SHA256.hash([1])] }
    }

    @Test func `A computed adapter has a statement and a bill of materials that are true of it`() throws {
        try withComputed { registry, parent, child throws in
            let documents = try registry.documents(of: child)
            #expect(documents.map(\.kind) == [.bom, .provenance])
            #expect(try registry.documents(of: parent).isEmpty)
            for document in documents {
                #expect(try fault(registry, document, child) == nil)
                #expect(try fault(registry, document, parent) != nil)
            }
            let bom = try JSON.parse(Array(registry.text(of: documents[0]).utf8))
            #expect(bom["specVersion"] == "1.6")
            #expect(bom["metadata"]?["component"]?["type"] == "machine-learning-model")
            #expect(
                bom["dependencies"]?.array?.first?["dependsOn"]?.array?.first
                    == .string(parent.digest.description))
            let statement = try JSON.parse(Array(registry.text(of: documents[1]).utf8))
            #expect(statement["predicateType"] == "https://slsa.dev/provenance/v1")
            #expect(
                statement["subject"]?.array?.first?["digest"]?["sha256"] == .string(child.digest.hexadecimal))
            // The same adapter, computed elsewhere, has the same documents.
            try withComputed { other, _, otherChild throws in
                #expect(try other.documents(of: otherChild).map(\.digest) == documents.map(\.digest))
            }
        }
    }

    @Test(arguments: [SignatureAlgorithm.ed25519, .p256])
    func `A signed statement verifies with its key alone`(_ algorithm: SignatureAlgorithm) throws {
        try withComputed { registry, _, child throws in
            let key = try SigningKey(generating: algorithm)
            let plain = try registry.text(of: registry.documents(of: child)[1])
            let envelope = try SignedStatement.envelope(plain, key: key)
            let document = try registry.attach(envelope, named: "x.dsse.json", to: reference("child"))
            #expect(document.kind == .provenance)
            #expect(try fault(registry, document, child) == nil)
            let statement = try SignedStatement(parsing: envelope)
            #expect(statement.isSigned(by: key.publicKey))
            #expect(try !statement.isSigned(by: SigningKey(generating: algorithm).publicKey))
            #expect(try !SignedStatement(parsing: plain).isSigned(by: key.publicKey))
            let payload = try #require(JSON.parse(Array(envelope.utf8))["payload"]?.string)
            let other = Base64.encode(Array(plain.replacing("merge", with: "train").utf8))
            #expect(try !SignedStatement(parsing: envelope.replacing(payload, with: other)).isSigned(by: key.publicKey))
            #expect(throws: SignatureError.self) { try SignedStatement.envelope("{}", key: key) }
            for text in [
                "", "{}", "[]", "{\"payload\": 3}", "{\"dsseEnvelope\": {}}", envelope.replacing(payload, with: "!"),
            ] {
                #expect(throws: SignatureError.self) { try SignedStatement(parsing: text) }
            }
        }
    }

    @Test func `Documents about others, with hostile names or contents are refused`() throws {
        try withComputed { registry, _, child throws in
            let bom = try registry.text(of: registry.documents(of: child)[0])
            func code(_ text: String, _ name: String, _ kind: AttachedDocument.Kind? = nil) -> RegistryError.Code? {
                #expect(throws: RegistryError.self) {
                    try registry.attach(text, named: name, kind: kind, to: reference("parent"))
                }?.code
            }
            #expect(code(bom, "bom.json") == .wrongKind)
            #expect(code("x", "../x") == .wrongKind)
            #expect(code("x", "") == .wrongKind)
            #expect(code("x", "a/b") == .wrongKind)
            #expect(code("x\u{0}", "x") == .wrongKind)
            #expect(code("not JSON", "x", .bom) == .wrongKind)
            #expect(code("not JSON", "x", .provenance) == .wrongKind)
            #expect(code(String(repeating: "x", count: (16 << 20) + 1), "x") == .wrongKind)
            let before = try registry.log().count
            let document = try registry.attach("anything", named: "notes.txt", to: reference("parent"))
            #expect(document.kind == .other)
            #expect(try registry.attach("anything", named: "notes.txt", to: reference("parent")) == document)
            #expect(try registry.log().count == before + 1)
            #expect(try registry.text(of: document) == "anything")
        }
    }

    /// Every kind of document, deleted and edited in every column, and put back from the file or a backup.
    @Test(
        arguments: ["bom.cdx.json", "provenance.intoto.json", "notes.txt"],
        [
            "DELETE FROM document", "UPDATE document SET text = text || ' '",
            "UPDATE document SET text = '{}', digest = 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a'",
            "UPDATE document SET name = 'x'", "UPDATE document SET kind = 'model-signing'",
            "UPDATE document SET createdAt = createdAt - 1", "UPDATE document SET actor = 'mallory'",
            "UPDATE document SET subject = (SELECT parent FROM lineage)",
        ])
    func `A document that was deleted or edited is found and put back`(_ name: String, _ sql: String) throws {
        try withComputed { registry, _, child throws in
            try registry.attach("notes", named: "notes.txt", to: reference("child"))
            let backup = registry.directory + "-backup"
            _ = try registry.backUp(to: backup)
            let before = try registry.documents(of: child)
            #expect(before.count == 3)
            #expect(try registry.check().isEmpty)
            try registry.catalog.write { database throws in
                try database.execute(sql: "\(sql) WHERE name = '\(name)'")
            }
            let findings = try registry.check()
            #expect(Set(findings.map(\.digest)) == [child.digest], "\(findings)")
            let isMissing = sql.hasPrefix("DELETE") || sql.contains("digest") || sql.contains("subject")
            #expect(findings.map(\.kind) == [isMissing ? .missingDocument : .damagedDocument], "\(findings)")
            #expect(findings.allSatisfy { $0.message.contains("'\(name)'") })
            // What follows from the adapter's file needs no backup, and no text that is still there.
            if name == "notes.txt", sql.contains("text") || sql.contains("DELETE") || sql.contains("subject") {
                #expect(try registry.repair().repairs.isEmpty)
            }
            let report = try registry.repair(from: ["/nonexistent", backup])
            #expect(report.repairs.count == 1)
            #expect(report.findings.isEmpty, "\(report.findings)")
            let after = try registry.documents(of: child)
            #expect(Set(after).isSuperset(of: before))
        }
    }

    @Test func `Documents that went with their adapter are not missed when it comes back`() throws {
        try withComputed { registry, parent, child throws in
            try registry.attach("notes", named: "notes.txt", to: reference("child"))
            let path = registry.directory + ".adpt"
            try Directory.link(child.path, to: path)
            try registry.remove(reference("child"))
            _ = try registry.collect(CollectionRules(grace: .zero))
            #expect(try registry.push(contentsOf: path, as: reference("child")).digest == child.digest)
            #expect(try registry.documents(of: child).count == 2)
            #expect(try registry.check().isEmpty)
            // The same by repair, when the file is gone first.
            try registry.attach("notes", named: "notes.txt", to: reference("child"))
            try registry.remove(reference("child"))
            try Directory.remove(child.path)
            #expect(try registry.repair().findings.isEmpty)
            _ = try registry.push(contentsOf: path, as: reference("child"))
            #expect(try registry.check().isEmpty)
        }
    }

    @Test func `A document that was edited in the database is found`() throws {
        try withComputed { registry, _, child throws in
            try registry.catalog.write { database throws in
                try database.execute(sql: "UPDATE document SET text = replace(text, 'merge', 'train')")
            }
            #expect(try registry.check().map(\.kind) == [.damagedDocument, .damagedDocument])
            for document in try registry.documents(of: child) {
                #expect(try fault(registry, document, child) != nil)
            }
        }
    }
}
