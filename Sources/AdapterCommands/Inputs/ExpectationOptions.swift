internal import AdapterRegistry
internal import ArgumentParser
internal import Integrity

/// Compare-and-swap for commands that move a tag.
struct ExpectationOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Move the tag only if it still points to this digest; 'absent' if it must not exist yet.",
            valueName: "digest"))
    var expect: String?

    var expectedTag: ExpectedTag {
        get throws {
            switch expect {
            case nil: .any
            case "absent"?: .absent
            case let text?:
                if let digest = Digest(parsing: text) {
                    .digest(digest)
                } else {
                    throw ValidationError(
                        "Unable to read --expect '\(text)': sha256: and 64 hexadecimal digits, or 'absent', is expected."
                    )
                }
            }
        }
    }
}
