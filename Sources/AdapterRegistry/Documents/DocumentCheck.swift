import AdapterFormat
import Adapters
import ByteCoding
import Integrity

/// Whether a document says what is true of the adapter that it is about.
enum DocumentCheck {
    private static let modelSigningPredicate = "https://model_signing/signature/v1.0"

    /// What a document is, by its content.
    static func kind(of text: String) -> AttachedDocument.Kind {
        if let statement = try? SignedStatement(parsing: text) {
            return statement.statement["predicateType"]?.string == modelSigningPredicate ? .modelSigning : .provenance
        }
        let document = try? JSON.parse(Array(text.utf8))
        return document?["bomFormat"]?.string == "CycloneDX" ? .bom : .other
    }

    /// What is wrong, as a sentence; nil when nothing is.
    static func fault(
        in text: String, kind: AttachedDocument.Kind, about digest: Digest, _ provenance: Provenance?
    ) -> String? {
        let parents = Set((provenance?.parents ?? []).map(\.digest.hexadecimal))
        switch kind {
        case .other: return nil
        case .modelSigning: return statement(text).fault
        case .provenance:
            let (statement, fault) = statement(text)
            guard let statement else { return fault }
            let subjects = digests(statement["subject"]?.array)
            guard subjects.contains(digest.hexadecimal) else { return "It is about another file than \(digest)." }
            let stated = digests(statement["predicate"]?["buildDefinition"]?["resolvedDependencies"]?.array)
            return stated.isSuperset(of: parents) ? nil : "It lacks a parent that the adapter's file names."
        case .bom:
            guard let document = try? JSON.parse(Array(text.utf8)), document["bomFormat"]?.string == "CycloneDX" else {
                return "It is not a CycloneDX document in JSON."
            }
            let component = document["metadata"]?["component"]
            guard hashes(component).contains(digest.hexadecimal) else {
                return "It is about another file than \(digest)."
            }
            // Data and the base are no ancestors, but components.
            let ancestors = component?["pedigree"]?["ancestors"]?.array ?? []
            let stated = Set((ancestors + (document["components"]?.array ?? [])).flatMap(hashes))
            return stated.isSuperset(of: parents) ? nil : "It lacks a parent that the adapter's file names."
        }
    }

    /// Whether the files that a bundle of OpenSSF model signing has signed are those that the adapter is exported as.
    static func fault(inFilesOf text: String, exported: [String: Digest]) -> String? {
        let (statement, fault) = statement(text)
        guard let resources = statement?["predicate"]?["resources"]?.array else {
            return fault ?? "It lists no files."
        }
        let signed = Dictionary(
            resources.compactMap { entry in
                entry["name"]?.string.map { ($0, entry["digest"]?.string ?? "") }
            }, uniquingKeysWith: { first, _ in first })
        return signed == exported.mapValues(\.hexadecimal)
            ? nil : "The files that it has signed are not those that the adapter is exported as."
    }

    private static func statement(_ text: String) -> (statement: MetadataValue?, fault: String?) {
        do {
            return (try SignedStatement(parsing: text).statement, nil)
        } catch {
            return (nil, error.message)
        }
    }

    private static func digests(_ entries: [MetadataValue]?) -> Set<String> {
        Set((entries ?? []).compactMap { $0["digest"]?["sha256"]?.string })
    }

    private static func hashes(_ component: MetadataValue?) -> [String] {
        (component?["hashes"]?.array ?? []).filter { $0["alg"]?.string == "SHA-256" }.compactMap {
            $0["content"]?.string
        }
    }
}
