import Adapters
import ByteCoding
import Integrity

extension DocumentDraft {
    /// The documents that every computed adapter gets: a provenance statement and a bill of materials.
    ///
    /// They hold no time and no place: the same adapter has the same documents wherever it was computed.
    static func describing(_ record: AdapterRecord) -> [DocumentDraft] {
        guard let provenance = record.provenance else { return [] }
        func draft(_ kind: AttachedDocument.Kind, _ name: String, _ document: MetadataValue) -> DocumentDraft {
            DocumentDraft(kind: kind, name: name, text: JSON.text(document, indented: true) + "\n")
        }
        return [
            draft(.provenance, "provenance.intoto.json", statement(record, provenance)),
            draft(.bom, "bom.cdx.json", billOfMaterials(record, provenance)),
        ]
    }

    /// in-toto Statement v1 with the predicate SLSA Provenance v1.
    ///
    /// See: https://slsa.dev/spec/v1.0/provenance
    private static func statement(_ record: AdapterRecord, _ provenance: Provenance) -> MetadataValue {
        [
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                [
                    "name": .string("adapter-\(record.contentRoot.abbreviated).adpt"),
                    "digest": ["sha256": .string(record.digest.hexadecimal)],
                    "annotations": ["contentRoot": .string(record.contentRoot.description)],
                ]
            ],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": [
                "buildDefinition": [
                    "buildType": .string("urn:adapterctl:operation:\(provenance.operation)"),
                    "externalParameters": [
                        "operation": .string(provenance.operation), "options": .map(provenance.parameters),
                        "weights": .array(
                            provenance.parents.map { $0.weight.map { MetadataValue($0) } ?? .null }),
                    ],
                    "internalParameters": [:],
                    "resolvedDependencies": .array(
                        provenance.parents.map { parent in
                            [
                                "uri": .string("urn:adapterctl:\(parent.digest)"),
                                "digest": ["sha256": .string(parent.digest.hexadecimal)],
                                "annotations": [
                                    "contentRoot": .string(parent.contentRoot.description),
                                    "role": .string(parent.role),
                                ],
                            ]
                        }),
                ],
                "runDetails": [
                    "builder": [
                        "id": "urn:adapterctl", "version": ["adapterctl": .string(provenance.toolVersion)],
                    ], "byproducts": .array(provenance.byproducts),
                ],
            ],
        ]
    }

    /// CycloneDX 1.6, a machine-learning bill of materials.
    ///
    /// See: https://cyclonedx.org/docs/1.6/json/
    private static func billOfMaterials(_ record: AdapterRecord, _ provenance: Provenance) -> MetadataValue {
        let summary = record.summary
        let parents = provenance.parents.reduce(into: [Provenance.Parent]()) { unique, parent in
            if !unique.contains(where: { $0.digest == parent.digest }) { unique.append(parent) }
        }
        var component = self.component(record.digest, record.contentRoot)
        // The base model is a component of its own, with its name.
        func isBase(_ parent: Provenance.Parent) -> Bool {
            parent.role == "base" && parent.digest == summary.base.digest
        }
        component["description"] = summary.message.map { .string($0) }
        component["licenses"] = summary.license.map { [["license": ["name": .string($0)]]] }
        var parameters: [String: MetadataValue] = [
            "architectureFamily": "LoRA", "task": .string(summary.labels["task"] ?? "text-generation"),
        ]
        let datasets = parents.filter(\.isData).map { MetadataValue.map(["ref": .string($0.digest.description)]) }
        if !datasets.isEmpty { parameters["datasets"] = .array(datasets) }
        component["modelCard"] = ["modelParameters": .map(parameters)]
        let properties = [
            ("contentRoot", record.contentRoot.description), ("operation", provenance.operation),
            ("options", JSON.text(.map(provenance.parameters))), ("base", summary.base.summary),
            ("parameterCount", "\(summary.parameterCount)"),
        ]
        component["properties"] = .array(
            properties.map { ["name": .string("adapterctl:\($0)"), "value": .string($1)] })
        component["pedigree"] = [
            "ancestors": .array(
                parents.filter { !$0.isData && !isBase($0) }.map { parent in
                    // A reference is unique in a document, and the parents are components of it as well.
                    var ancestor = self.component(parent)
                    ancestor["bom-ref"] = nil
                    return .map(ancestor)
                })
        ]
        let base = self.base(summary.base)
        let others = parents.filter { $0.digest != record.digest && !isBase($0) }
        return [
            "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
            "metadata": [
                "tools": [
                    "components": [
                        [
                            "type": "application", "name": "adapterctl",
                            "version": .string(provenance.toolVersion),
                        ]
                    ]
                ],
                "component": .map(component),
            ],
            "components": .array(
                others.map { .map(self.component($0)) } + base.map { .map($0) }),
            "dependencies": [
                [
                    "ref": .string(record.digest.description),
                    "dependsOn": .array(
                        others.map { .string($0.digest.description) } + base.compactMap { $0["bom-ref"] }),
                ]
            ],
        ]
    }

    /// The base model as a component; none when nothing is known of it.
    private static func base(_ base: BaseModel) -> [[String: MetadataValue]] {
        guard let name = base.name ?? base.digest?.description else { return [] }
        var component: [String: MetadataValue] = [
            "type": "machine-learning-model", "bom-ref": .string("base:\(base.summary)"), "name": .string(name),
        ]
        component["version"] = base.revision.map { .string($0) }
        component["hashes"] = base.digest.map { [["alg": "SHA-256", "content": .string($0.hexadecimal)]] }
        return [component]
    }

    private static func component(_ parent: Provenance.Parent) -> [String: MetadataValue] {
        var component = self.component(parent.digest, parent.contentRoot)
        if parent.isData {
            component["type"] = "data"
            component["data"] = [["type": "dataset", "name": .string(parent.role)]]
        }
        if parent.isData || ["base", "tuned"].contains(parent.role) {
            component["name"] = .string("\(parent.role)-\(parent.digest.abbreviated)")
        }
        return component
    }

    private static func component(_ digest: Digest, _ contentRoot: Digest) -> [String: MetadataValue] {
        [
            "type": "machine-learning-model", "bom-ref": .string(digest.description),
            "name": .string("adapter-\(contentRoot.abbreviated)"), "version": .string(digest.abbreviated),
            "hashes": [["alg": "SHA-256", "content": .string(digest.hexadecimal)]],
        ]
    }
}

extension Provenance.Parent {
    /// Whether it is what was learned from, not a model.
    fileprivate var isData: Bool { ["data", "validation"].contains(role) }
}

extension Provenance {
    /// What a training run measures rather than obeys: its losses step by step grow with the run and are in the file.
    private static let measurements: Set = ["record", "tokensPerSecond", "peakMemoryByteCount", "state"]

    /// The options without what a run measured.
    fileprivate var parameters: [String: MetadataValue] {
        operation == "train" ? options.filter { !Provenance.measurements.contains($0.key) } : options
    }

    /// What else came out, as resource descriptors: of a training run its record, by digest, and what matters of it.
    ///
    /// The digest is that of the record's JSON, its keys in order and without spaces, as the adapter's file holds it.
    fileprivate var byproducts: [MetadataValue] {
        guard operation == "train", let record = options["record"] else { return [] }
        var summary: [String: MetadataValue] = [:]
        summary["steps"] = record["step"]?.array?.last
        summary["lastLoss"] = record["loss"]?.array?.last
        let validations = zip(record["eval_step"]?.array ?? [], record["eval_loss"]?.array ?? [])
        if let best = validations.min(by: { ($0.1.number ?? .infinity) < ($1.1.number ?? .infinity) }) {
            summary["bestStep"] = best.0
            summary["bestLoss"] = best.1
        }
        return [
            [
                "name": "training-record", "mediaType": "application/json",
                "digest": ["sha256": .string(SHA256.hash(Array(JSON.text(record).utf8)).hexadecimal)],
                "annotations": .map(summary),
            ]
        ]
    }
}
