internal import AdapterRegistry
internal import ArgumentParser

/// Finds what may stand where the cursor is. All shells ask this one, so they agree.
struct Completer {
    private let words: [String]
    private let current: String

    /// - Parameter words: those behind the program's name; the last is the one that is typed, as far as the cursor.
    init(words: [String]) {
        self.words = Array(words.dropLast())
        current = words.last ?? ""
    }

    /// Never fails: a shell has no place for an error message while somebody types.
    func completion() -> Completion {
        guard let (type, depth) = command() else { return Completion() }
        let rest = words.dropFirst(depth)
        if rest.isEmpty, !current.hasPrefix("-"), !type.configuration.subcommands.isEmpty {
            return subcommands(of: type)
        }
        guard let description = try? CommandDescription(of: type) else { return Completion() }
        return arguments(of: description, Array(rest))
    }

    /// The command that the words name, and how many words that takes; nil for words that name none.
    private func command() -> (type: any ParsableCommand.Type, depth: Int)? {
        var type: any ParsableCommand.Type = Adapterctl.self
        var depth = GlobalOptions.leadingCount(words)
        // `help COMMAND` is completed as the command is.
        if words.dropFirst(depth).first == "help" { depth += 1 }
        while !type.configuration.subcommands.isEmpty, depth < words.count, !words[depth].hasPrefix("-") {
            guard let next = type.subcommand(named: words[depth]) else { return nil }
            type = next
            depth += 1
        }
        return (type, depth)
    }

    private func subcommands(of type: any ParsableCommand.Type) -> Completion {
        let candidates = type.configuration.subcommands.filter { $0.configuration.shouldDisplay }.map { command in
            Completion.Candidate(
                word: command.configuration.commandName ?? "", note: command.configuration.abstract)
        }
        return Completion(candidates: candidates.filter { $0.word.hasPrefix(current) })
    }

    private func arguments(of command: CommandDescription, _ words: [String]) -> Completion {
        var used: Set<String> = []
        var positionalCount = 0
        var isTerminated = false
        var waiting: ArgumentDescription?
        for word in words {
            if waiting != nil {
                waiting = nil
            } else if isTerminated || !word.hasPrefix("-") || word == "-" {
                positionalCount += 1
            } else if word == "--" {
                isTerminated = true
            } else {
                let name = String(word.prefix { $0 != "=" })
                guard let option = command.options.first(where: { $0.names.contains(name) }) else { continue }
                used.formUnion(option.names)
                if option.kind == .option, name == word { waiting = option }
            }
        }
        if let waiting { return values(of: waiting, current) }
        if !isTerminated, current.hasPrefix("-") {
            guard current.hasPrefix("--"), let equals = current.firstIndex(of: "=") else {
                return options(of: command, used)
            }
            let name = String(current[..<equals])
            guard let option = command.options.first(where: { $0.names.contains(name) }) else { return Completion() }
            var completion = values(of: option, String(current[current.index(after: equals)...]))
            completion.candidates = completion.candidates.map { .init(word: "\(name)=\($0.word)", note: $0.note) }
            return completion
        }
        let positionals = command.positionals
        if positionalCount < positionals.count { return values(of: positionals[positionalCount], current) }
        if let last = positionals.last, last.isRepeating { return values(of: last, current) }
        return current.isEmpty ? options(of: command, used) : Completion()
    }

    /// The options that have not been given, or may be given again.
    private func options(of command: CommandDescription, _ used: Set<String>) -> Completion {
        let options = command.options.filter { $0.isRepeating || used.isDisjoint(with: $0.names) }
        return Completion(
            candidates: options.flatMap { option in
                option.names.filter { $0.hasPrefix(current) && (current.hasPrefix("-") || $0.hasPrefix("--")) }
                    .map { Completion.Candidate(word: $0, note: option.abstract) }
            })
    }

    private func values(of argument: ArgumentDescription, _ prefix: String) -> Completion {
        if !argument.values.isEmpty {
            return Completion(
                candidates: argument.values.filter { $0.hasPrefix(prefix) }.map { Completion.Candidate(word: $0) })
        }
        switch argument.value {
        case .text: return Completion()
        case .path: return Completion(paths: .files)
        case .directory: return Completion(paths: .directories)
        case .key:
            let names = (try? KeyOptions.folder(named: value(of: "--keys")).names()) ?? []
            return Completion(
                candidates: names.map(\.description).filter { $0.hasPrefix(prefix) }
                    .map { Completion.Candidate(word: $0) },
                paths: .files)
        case .name: return references(prefix, isTagged: false)
        case .reference: return references(prefix, isTagged: true)
        case .subject:
            // What starts so is a path.
            if prefix.hasPrefix(".") || prefix.hasPrefix("/") || prefix.hasPrefix("~") {
                return Completion(paths: .files)
            }
            var completion = references(prefix, isTagged: true)
            // Behind a tag or a weight comes no path.
            if !prefix.contains(":"), !prefix.contains("=") { completion.paths = .files }
            return completion
        }
    }

    private func references(_ prefix: String, isTagged: Bool) -> Completion {
        guard let directory = try? GlobalOptions.registryDirectory(named: value(of: "--registry")),
            let registry = try? Registry(opening: directory, mode: .readOnly, isOnNetworkAllowed: true),
            let found = try? registry.referenceCompletions(of: prefix, isTagged: isTagged)
        else { return Completion() }
        return Completion(candidates: found.words.map { Completion.Candidate(word: $0) }, isOpen: found.isOpen)
    }

    /// The value of an option that is on the line already.
    private func value(of option: String) -> String? {
        if let index = words.lastIndex(of: option), index + 1 < words.count { return words[index + 1] }
        return words.last { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(option.count + 1)) }
    }
}
