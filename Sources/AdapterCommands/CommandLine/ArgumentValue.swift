/// What the value of an argument is, by the name that it has in the help.
enum ArgumentValue: Equatable {
    /// A stored adapter.
    case reference
    /// A stored adapter or a path.
    case subject
    /// A name without a tag.
    case name
    /// A trusted key, or a key's file.
    case key
    case path
    case directory
    /// Anything else: numbers, sentences, names of things that nobody lists.
    case text

    init(name: String) {
        self =
            switch name {
            case "reference", "references", "ref", "new", "target", "on", "after": .reference
            case "subject", "subjects", "inputs", "adapters", "first", "second", "minuend", "subtrahend": .subject
            case "name", "names", "pattern": .name
            case "key": .key
            case "path", "file", "output", "base": .path
            case "dir": .directory
            default: .text
            }
    }
}
