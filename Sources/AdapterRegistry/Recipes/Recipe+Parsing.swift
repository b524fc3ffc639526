import ByteCoding
import Integrity

extension Recipe {
    /// Reads a recipe from a YAML or JSON file.
    ///
    /// - Throws: ``RegistryError`` with code `invalidRecipe` or `invalidReference`; `FileSystemError`.
    public init(readingFile path: String) throws {
        try self.init(document: RecipeText.read(path))
    }

    /// Reads a recipe from the text of a YAML or JSON document.
    ///
    /// - Throws: ``RegistryError`` with code `invalidRecipe` or `invalidReference`.
    public init(parsing text: String) throws {
        try self.init(document: RecipeText.parse(Array(text.utf8), named: "recipe"))
    }

    init(document: MetadataValue) throws {
        guard let entries = document.map else { throw Recipe.invalid("a recipe is a map with 'steps' or 'operation'.") }
        var parser = RecipeParser(names: Set(entries["steps"]?.map?.keys.map { $0 } ?? []))
        let message = try RecipeParser.text(entries["message"], "message")
        let named = try RecipeParser.text(entries["result"], "result")
        if entries["operation"] != nil {
            guard entries["steps"] == nil else { throw Recipe.invalid("it has both 'operation' and 'steps'.") }
            let step = entries.filter { !["message", "result"].contains($0.key) }
            let name = named ?? "result"
            try parser.add(.map(step), as: name)
            try self.init(steps: parser.steps, result: name, message: message)
            return
        }
        try RecipeParser.checkKeys(entries, ["steps", "result", "message"], in: "the recipe")
        guard let steps = entries["steps"]?.map else { throw Recipe.invalid("it has no 'steps' and no 'operation'.") }
        for (name, step) in steps.sorted(by: { $0.key.precedesInUTF8($1.key) }) { try parser.add(step, as: name) }
        try self.init(
            steps: parser.steps, result: try named ?? Recipe.onlyUnused(steps.keys.map { $0 }, parser.steps),
            message: message)
    }

    /// The one step whose result no other uses.
    private static func onlyUnused(_ names: [String], _ steps: [String: Step]) throws(RegistryError) -> String {
        let used = Set(
            steps.values.flatMap(\.inputs).compactMap { if case .step(let name) = $0.source { name } else { nil } })
        let unused = names.filter { !used.contains($0) }.sorted { $0.precedesInUTF8($1) }
        guard unused.count == 1 else {
            // All are used: then there is a cycle, whose steps the check of the order names.
            if unused.isEmpty, let first = names.min() { return first }
            throw invalid(
                "several steps could be the result: \(unused.prefix(5).joined(separator: ", ")). Say which: result: NAME."
            )
        }
        return unused[0]
    }
}

/// Steps out of a document; nested ones get names of their own.
private struct RecipeParser {
    /// The names of the steps that the document names.
    let names: Set<String>
    var steps: [String: Recipe.Step] = [:]

    init(names: Set<String>) {
        self.names = names
    }

    mutating func add(_ document: MetadataValue, as name: String) throws {
        guard let entries = document.map, let operation = entries["operation"]?.string else {
            throw Recipe.invalid("the step '\(name)' is not a map with 'operation' and 'inputs'.")
        }
        try RecipeParser.checkKeys(entries, ["operation", "inputs", "options", "weight"], in: "the step '\(name)'")
        guard let inputs = entries["inputs"]?.array else {
            throw Recipe.invalid("the step '\(name)' has no list of 'inputs'.")
        }
        let options: [String: MetadataValue]
        switch entries["options"] {
        case nil, .null?: options = [:]
        case .map(let map)?: options = map
        default: throw Recipe.invalid("the 'options' of the step '\(name)' are not a map.")
        }
        var parsed: [Recipe.Input] = []
        for (index, input) in inputs.enumerated() {
            parsed.append(try self.input(input, name: "\(name).\(index + 1)"))
        }
        guard
            steps.updateValue(Recipe.Step(operation: operation, inputs: parsed, options: options), forKey: name) == nil
        else { throw Recipe.invalid("two steps are called '\(name)'.") }
        guard steps.count <= Recipe.maximumStepCount else {
            throw Recipe.invalid("it has more than \(Recipe.maximumStepCount) steps.")
        }
    }

    private mutating func input(_ document: MetadataValue, name: String) throws -> Recipe.Input {
        if let text = document.string { return try input(text: text) }
        guard let entries = document.map else {
            throw Recipe.invalid("the input \(name) is neither text nor a map.")
        }
        let weight = try RecipeParser.weight(entries["weight"], of: name)
        if entries["operation"] != nil {
            try add(document, as: name)
            return Recipe.Input(.step(name), weight: weight)
        }
        try RecipeParser.checkKeys(entries, ["adapter", "step", "weight"], in: "the input \(name)")
        switch (entries["adapter"]?.string, entries["step"]?.string) {
        case (let adapter?, nil): return Recipe.Input(try source(adapter, isStepPossible: false), weight: weight)
        case (nil, let step?): return Recipe.Input(.step(step), weight: weight)
        default: throw Recipe.invalid("the input \(name) needs 'adapter' or 'step', or an 'operation' of its own.")
        }
    }

    /// `REF`, `REF=WEIGHT` or the name of a step.
    private func input(text: String) throws -> Recipe.Input {
        guard let equals = text.lastIndex(of: "=") else { return Recipe.Input(try source(text, isStepPossible: true)) }
        guard let weight = Double(text[text.index(after: equals)...]), weight.isFinite else {
            throw Recipe.invalid("what follows '=' in '\(text.prefix(80))' is not a finite number.")
        }
        return Recipe.Input(try source(String(text[..<equals]), isStepPossible: true), weight: weight)
    }

    private func source(_ text: String, isStepPossible: Bool) throws -> Recipe.Source {
        if isStepPossible, names.contains(text) { return .step(text) }
        if let digest = Digest(parsing: text) { return .digest(digest) }
        return .reference(try Reference(parsing: text))
    }

    static func weight(_ value: MetadataValue?, of name: String) throws -> Double? {
        guard let value else { return nil }
        guard let number = value.number, number.isFinite else {
            throw Recipe.invalid("the weight of \(name) is not a finite number.")
        }
        return number
    }

    static func text(_ value: MetadataValue?, _ key: String) throws -> String? {
        guard let value else { return nil }
        guard let text = value.string else { throw Recipe.invalid("'\(key)' is not text.") }
        return text
    }

    /// What is misspelt must not be ignored.
    static func checkKeys(_ entries: [String: MetadataValue], _ known: Set<String>, in place: String) throws {
        guard let unknown = entries.keys.filter({ !known.contains($0) }).min() else { return }
        throw Recipe.invalid(
            "\(place) has an entry '\(unknown.prefix(80))'. Known are \(known.sorted().joined(separator: ", ")).")
    }
}
