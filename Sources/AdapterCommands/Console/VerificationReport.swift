internal import AdapterRegistry
internal import ArgumentParser
internal import ByteCoding
internal import Integrity

/// What verifying one thing found.
struct VerificationResult {
    let subject: String
    let digest: Digest?
    /// What is wrong, as a sentence; nil when nothing is.
    var fault: String?
    /// The stable name of the fault.
    var code: String?
    /// Whether the adapter is intact and not signed as demanded.
    var isRefused = false
    /// The keys that were demanded and have signed.
    var signedBy: [String] = []
    /// The file and line that demand it, for annotations.
    var file: String?
    var line: Int?
}

/// What verifying several things found, in the forms that people and build servers read.
struct VerificationReport {
    /// The form.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case text, json, junit, github
    }

    let results: [VerificationResult]

    var failed: [VerificationResult] { results.filter { $0.fault != nil } }
    private var refused: [VerificationResult] { results.filter(\.isRefused) }
    private var damaged: [VerificationResult] { failed.filter { !$0.isRefused } }

    private var summary: String {
        "\(results.count - failed.count) intact, \(damaged.count) damaged"
            + (refused.isEmpty ? "" : ", \(refused.count) not signed as demanded")
    }

    var text: String {
        let lines = results.map { result in
            let lockFault = result.code.flatMap(LockFault.Kind.init(rawValue:))
            let fault = lockFault.map { $0.rawValue.uppercased() } ?? (result.isRefused ? "REFUSED" : "DAMAGED")
            let state = result.fault == nil ? "ok" : fault
            let signers = result.signedBy.isEmpty ? nil : "signed by " + result.signedBy.joined(separator: ", ")
            let style = result.fault == nil ? Style.good : result.isRefused ? .notable : .bad
            return style.applied(to: state) + String(repeating: " ", count: max(1, 8 - state.count))
                + Console.printable(
                    [result.subject, result.fault ?? result.digest?.description ?? "(no digests)", signers]
                        .compactMap { $0 }.joined(separator: "  "))
        }
        return (lines + [summary]).joined(separator: "\n")
    }

    var document: MetadataValue {
        [
            "intact": MetadataValue(results.count - failed.count), "damaged": MetadataValue(damaged.count),
            "refused": MetadataValue(refused.count),
            "results": .array(
                results.map { result in
                    [
                        "subject": .string(result.subject), "digest": MetadataValue(result.digest?.description),
                        "fault": MetadataValue(result.fault), "code": MetadataValue(result.code),
                        "signedBy": .array(result.signedBy.map { .string($0) }),
                    ]
                }),
        ]
    }

    /// The XML that build servers read as the result of tests.
    var junit: String {
        var lines = [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites><testsuite name=\"adapterctl verify\" tests=\"\(results.count)\" failures=\"\(failed.count)\" "
                + "errors=\"0\" skipped=\"0\">",
        ]
        for result in results {
            let start = "  <testcase classname=\"adapters\" name=\"\(VerificationReport.escaped(result.subject))\""
            guard let fault = result.fault else {
                lines.append(start + "/>")
                continue
            }
            let code = VerificationReport.escaped(result.code ?? "damaged")
            lines.append(
                start + "><failure type=\"\(code)\" message=\"\(VerificationReport.escaped(fault))\"/></testcase>")
        }
        return (lines + ["</testsuite></testsuites>"]).joined(separator: "\n") + "\n"
    }

    private static func escaped(_ text: String) -> String {
        // Control characters have no place in XML 1.0, however they are written.
        Console.printable(text).replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    /// Annotations of GitHub's workflows, which other forges read too.
    var annotations: String {
        var lines = failed.map { result in
            let place = [
                result.file.map { "file=\(property($0))" }, result.line.map { "line=\($0)" },
                "title=\(property("\(result.subject): \(result.code ?? "damaged")"))",
            ].compactMap(\.self).joined(separator: ",")
            return "::error \(place)::\(data(result.fault ?? ""))"
        }
        if failed.isEmpty { lines.append("::notice title=adapterctl verify::\(data(summary))") }
        return lines.joined(separator: "\n") + "\n"
    }

    private func data(_ text: String) -> String {
        Console.printable(text).replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
    }

    private func property(_ text: String) -> String {
        data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
    }
}
