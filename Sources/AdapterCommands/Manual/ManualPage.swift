/// A page of the manual, section 1, made of a command's description.
struct ManualPage {
    let command: CommandDescription

    /// `adapterctl-key-generate.1`.
    var fileName: String { ManualPage.fileName(command.path) }

    private static func fileName(_ path: [String]) -> String { path.joined(separator: "-") + ".1" }

    /// The page in the language of man(7).
    var text: String {
        var page = ManualText()
        let title = command.path.joined(separator: "-")
        page.title(
            title.uppercased(), date: ToolVersion.date, source: "adapterctl \(ToolVersion.current)",
            manual: "adapterctl")
        page.heading("NAME")
        page.line(
            "\(title) - \(command.abstract.hasSuffix(".") ? String(command.abstract.dropLast()) : command.abstract)")
        page.heading("SYNOPSIS")
        synopsis(&page)
        page.heading("DESCRIPTION")
        description(&page)
        commands(&page)
        arguments(&page)
        examples(&page)
        page.heading("EXIT STATUS")
        for (code, meaning) in Failure.meanings { page.term("\(code)", meaning) }
        page.heading("ENVIRONMENT")
        for variable in EnvironmentVariable.all { page.term(variable.name, variable.meaning) }
        page.heading("FILES")
        for file in EnvironmentVariable.files { page.term(file.path, file.meaning) }
        page.heading("SEE ALSO")
        seeAlso(&page)
        return page.text
    }

    private func synopsis(_ page: inout ManualText) {
        page.bold(command.name)
        if !command.subcommands.isEmpty {
            page.line("COMMAND [OPTIONS] …")
            return
        }
        for argument in command.positionals {
            page.line(ManualPage.usage(argument, "<\(argument.valueName)>"))
        }
        for option in command.options where !option.isOptional && option.kind == .option {
            page.line(ManualPage.usage(option, "\(option.names[0]) <\(option.valueName)>"))
        }
        page.line("[OPTIONS]")
    }

    private static func usage(_ argument: ArgumentDescription, _ text: String) -> String {
        (argument.isOptional ? "[\(text)]" : text) + (argument.isRepeating ? " …" : "")
    }

    private func description(_ page: inout ManualText) {
        page.line(command.abstract)
        for block in ManualPage.blocks(command.discussion) where !ManualPage.isExample(block) {
            if block.first?.hasPrefix("  ") == true {
                page.literal(block.map { String($0.dropFirst(2)) })
            } else {
                page.paragraph()
                page.line(block.joined(separator: " "))
            }
        }
        if !command.aliases.isEmpty {
            page.paragraph()
            page.line("Also called \(command.aliases.joined(separator: ", ")).")
        }
    }

    private func commands(_ page: inout ManualText) {
        guard !command.subcommands.isEmpty else { return }
        page.heading("COMMANDS")
        for subcommand in command.subcommands { page.term(subcommand.path.last ?? "", subcommand.abstract) }
    }

    private func arguments(_ page: inout ManualText) {
        if !command.positionals.isEmpty {
            page.heading("ARGUMENTS")
            for argument in command.positionals {
                page.term("<\(argument.valueName)>", ManualPage.explanation(of: argument))
            }
        }
        let sections = command.options.reduce(into: [String]()) { sections, option in
            if let section = option.section, !sections.contains(section) { sections.append(section) }
        }
        page.heading("OPTIONS")
        for section in [nil] + sections.map(Optional.some) {
            if let section { page.subheading(section) }
            for option in command.options where option.section == section {
                let value = option.kind == .option ? " <\(option.valueName)>" : ""
                page.term(option.names.joined(separator: ", ") + value, ManualPage.explanation(of: option))
            }
        }
    }

    private static func explanation(of argument: ArgumentDescription) -> String {
        var lines = [argument.abstract, argument.discussion]
        // What a discussion lists need not be listed twice.
        if !argument.values.isEmpty, argument.discussion.isEmpty {
            lines.append("One of: \(argument.values.joined(separator: ", ")).")
        }
        if let value = argument.defaultValue, argument.kind == .option { lines.append("Default: \(value).") }
        return lines.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private func examples(_ page: inout ManualText) {
        guard !command.examples.isEmpty else { return }
        page.heading("EXAMPLES")
        page.literal(command.examples)
    }

    private func seeAlso(_ page: inout ManualText) {
        let parent = command.path.dropLast()
        let others = (parent.isEmpty ? [] : [Array(parent)]) + command.subcommands.map(\.path)
        let pages = others.map { "\($0.joined(separator: "-"))(1)" }
        page.line(pages.joined(separator: ", "))
    }

    /// Paragraphs and blocks of indented lines.
    private static func blocks(_ text: String) -> [[String]] {
        var blocks: [[String]] = [[]]
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            let isIndented = line.hasPrefix("  ")
            let last = blocks[blocks.count - 1]
            if line.isEmpty {
                blocks.append([])
            } else if let first = last.first, first.hasPrefix("  ") != isIndented {
                blocks.append([line])
            } else {
                blocks[blocks.count - 1].append(line)
            }
        }
        return blocks.filter { !$0.isEmpty }
    }

    private static func isExample(_ block: [String]) -> Bool {
        block.allSatisfy { $0.hasPrefix("  adapterctl ") || $0.contains("| adapterctl ") }
    }
}
