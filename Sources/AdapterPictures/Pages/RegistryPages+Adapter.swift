internal import AdapterFormat
public import AdapterRegistry
internal import Adapters
internal import Charts
internal import Integrity

extension RegistryPages {
    /// The page of an adapter.
    ///
    /// - Parameters:
    ///   - stored: the adapter, which the reader may read.
    ///   - study: what is known of its values; asked for when it is wanted.
    ///   - manifest: the digest of the manifest under which clients of registries find it.
    /// - Throws: ``Absence``; what opening the file throws.
    public func adapter(_ stored: StoredAdapter, study: AdapterStudy.State, manifest: String) throws -> String {
        try require(stored.reference.repository)
        guard stored.kind == .adapter else { return try stack(stored, manifest: manifest) }
        let file = try registry.open(stored)
        var spectra: AdapterStudy?
        if case .done(let done) = study { spectra = done }
        var report = AdapterReport(
            name: stored.reference.label, adapter: file.adapter, spectra: spectra?.spectra)
        switch study {
        case .done: break
        case .pending:
            report.withoutSpectra = StudyPicture.ofOne.map {
                .image(.picture($0, stored.pinned), title: $0.title)
            }
        case .refused(let reason): report.withoutSpectra = [.text(reason)]
        }
        report.contentRoot = stored.contentRoot
        report.provenance = try file.provenance()
        let signatures = try file.signatures()
        if !signatures.isEmpty {
            report.signatures = SignatureDescription(
                contentRoot: stored.contentRoot, signatures: signatures, keys: keys,
                today: try UTCDate(parsing: String(Timestamp.now().description.prefix(10))))
        }
        report.storage = try AdapterReport.Storage(of: stored, in: registry, mayRead: reader.mayRead)
        report.links = ReportLinks(
            place: place(stored.reference, .adapter), getting: getting(stored, manifest) + [compareForm(stored)])
        return report.page.html()
    }

    /// How to get an adapter from here, always these bytes.
    private func getting(_ stored: StoredAdapter, _ manifest: String) -> [Page.Block] {
        let name = stored.reference.repository.description
        let parts = name.split(separator: "/")
        let folder = parts.last.map(String.init) ?? name
        let (scheme, host) = (origin.hasPrefix("https:") ? "https" : "http", host)
        let isLocal = ["localhost", "127.", "[::1]"].contains(where: host.hasPrefix)
        // What adapterctl and skopeo would not guess.
        let remote = (scheme == "http" && !isLocal ? "oci+http://" : "oci://") + "\(host)/\(name)@\(manifest)"
        let insecure = scheme == "http" ? " --src-tls-verify=false" : ""
        var blocks: [Page.Block] = [
            .commands([
                "# as the folder that PEFT loads", "adapterctl pull \(remote) -o ./\(folder)", "",
                "# any client of OCI registries",
                "skopeo copy\(insecure) docker://\(host)/\(name)@\(manifest) oci:./\(folder)",
            ])
        ]
        guard stored.kind == .adapter, parts.count == 2 else { return blocks }
        blocks.append(
            .commands([
                "# by name, from Python", "export HF_ENDPOINT=\(origin)",
                "PeftModel.from_pretrained(model, \"\(name)\", revision=\"\(stored.digest.hexadecimal.prefix(40))\")",
            ]))
        return blocks
    }

    private func compareForm(_ stored: StoredAdapter) -> Page.Block {
        .form(
            Page.Form(
                action: .comparison,
                inputs: [
                    .line(PageAddress.comparedField, label: "Compare with", value: "", hint: "team/other:v1"),
                    .hidden(PageAddress.comparedField, value: stored.reference.description),
                ], button: "Compare"))
    }

    private var host: String { origin.split(separator: "/").last.map(String.init) ?? origin }

    /// The page of a stack: adapters with weights that stay apart.
    private func stack(_ stored: StoredAdapter, manifest: String) throws -> String {
        let stack = try registry.stack(stored)
        let rows = try stack.members.map { member -> [Page.Text] in
            let names = try registry.references(to: member.digest).filter { reader.mayRead($0.repository) }
                .prefix(4).map { Page.Text("\($0)", to: .adapter($0)) }
            return [
                Page.Text(member.name), Page.Text(Numeral.plain(member.weight)),
                names.isEmpty ? Page.Text(member.digest.abbreviated, .code) : Page.Text(names, separator: ", "),
            ]
        }
        let facts: [(String, Page.Text)] = [
            ("Base model", Page.Text(stack.base.summary)), ("Stored", Page.Text(stored.createdAt.description)),
            ("Digest", Page.Text("\(stored.digest)", .code)),
            ("Content root", Page.Text("\(stored.contentRoot)", .code)),
        ]
        return Page(
            title: stored.reference.label, subtitle: stored.summary.message ?? "",
            sections: [
                Page.Section("Facts", [.facts(facts)]),
                Page.Section(
                    "Members",
                    [
                        .text("A stack: adapters with weights that stay apart, for servers that load several at once."),
                        .table(Page.Table(["Name", "Weight", "Adapter"], rows: rows, numeric: [1])),
                    ]),
            ], place: place(stored.reference, .adapter)
        ).html()
    }
}
