/// A `Link` header with `rel="next"` (RFC 8288), which leads to the next page of a list.
public enum LinkHeader {
    /// The target of the link with the relation `next`; nil when there is none.
    public static func next(in text: String) -> String? {
        var rest = Substring(text.prefix(8192))
        while let open = rest.firstIndex(of: "<"), let close = rest[open...].firstIndex(of: ">") {
            let target = rest[rest.index(after: open)..<close]
            rest = rest[rest.index(after: close)...]
            // Parameters reach to the next link; a comma within quotes does not end them.
            var isQuoted = false
            let end =
                rest.firstIndex { character in
                    if character == "\"" { isQuoted.toggle() }
                    return character == "," && !isQuoted
                } ?? rest.endIndex
            for parameter in rest[..<end].split(separator: ";") {
                let parts = parameter.split(separator: "=", maxSplits: 1).map(\.trimmingSpaces)
                guard parts.count == 2, parts[0].lowercased() == "rel" else { continue }
                let relations = parts[1].filter { $0 != "\"" }.lowercased().split(separator: " ")
                if relations.contains("next") { return String(target) }
            }
            rest = rest[end...]
        }
        return nil
    }

    /// The header's value for a target.
    public static func next(_ target: String) -> String { "<\(target)>; rel=\"next\"" }
}
