internal import ByteCoding

/// An argument, an option or a flag as people see it.
struct ArgumentDescription {
    enum Kind: String {
        case positional, option, flag
    }

    let kind: Kind
    /// As they are typed, the longest first: `--target`, `-t`.
    let names: [String]
    /// What stands for the value in the help.
    let valueName: String
    let abstract: String
    let discussion: String
    /// The words that the value is chosen from; empty where there is no such list.
    let values: [String]
    let defaultValue: String?
    let isOptional: Bool
    let isRepeating: Bool
    let isHidden: Bool
    /// The heading under which the help lists it.
    let section: String?

    init(_ document: MetadataValue) {
        kind = document["kind"]?.string.flatMap(Kind.init) ?? .positional
        names = (document["names"]?.array ?? []).compactMap { name in
            name["name"]?.string.map { (name["kind"] == "long" ? "--" : "-") + $0 }
        }
        valueName = document["valueName"]?.string ?? ""
        abstract = document["abstract"]?.string ?? ""
        discussion = document["discussion"]?.string ?? ""
        values = document["allValues"]?.array?.compactMap(\.string) ?? []
        defaultValue = document["defaultValue"]?.string
        isOptional = document["isOptional"]?.bool ?? false
        isRepeating = document["isRepeating"]?.bool ?? false
        isHidden = document["shouldDisplay"] == false
        section = document["sectionTitle"]?.string
    }

    /// What the value is, as far as it can be completed.
    var value: ArgumentValue { ArgumentValue(name: valueName) }
}
