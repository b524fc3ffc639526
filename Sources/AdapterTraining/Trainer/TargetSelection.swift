internal import AdapterInterchange

/// Which linear layers get an update, as PEFT's `target_modules` says it.
public enum TargetSelection: Hashable, Sendable {
    /// Every linear layer but the head.
    case allLinear
    /// Layers whose path is one of these names or ends with a dot and one.
    case names([String])
    /// Layers whose whole path matches a regular expression of Python's.
    case pattern(String)

    /// `all-linear`, names separated by commas, or a regular expression.
    public init(parsing text: String) {
        if text == "all-linear" || text == "all" {
            self = .allLinear
        } else if text.unicodeScalars.allSatisfy({
            $0 == "," || $0 == "." || $0 == "_" || $0.properties.isAlphabetic || ("0"..."9").contains($0)
        }) {
            self = .names(text.split(separator: ",").map(String.init))
        } else {
            self = .pattern(text)
        }
    }

    /// The steps that comparing patterns with names may take.
    private static let patternBudget = 50_000_000

    /// Those of some paths that are selected.
    ///
    /// - Throws: ``TrainingError`` with code `noTarget` when a name or the pattern selects nothing; `InterchangeError`
    ///   when the pattern is malformed.
    func selected(of paths: [String]) throws -> Set<String> {
        switch self {
        case .allLinear: return Set(paths)
        case .names(let names):
            for name in names where !paths.contains(where: { TargetSelection.matches($0, name) }) {
                throw noTarget("'\(name)'", paths)
            }
            return Set(paths.filter { path in names.contains { TargetSelection.matches(path, $0) } })
        case .pattern(let source):
            let pattern = try PythonPattern(source)
            var budget = TargetSelection.patternBudget
            let found = try paths.filter {
                try pattern.matches(Array($0.unicodeScalars), whole: true, budget: &budget)
            }
            guard !found.isEmpty else { throw noTarget("'\(source)'", paths) }
            return Set(found)
        }
    }

    private static func matches(_ path: String, _ name: String) -> Bool { path == name || path.hasSuffix("." + name) }

    private func noTarget(_ what: String, _ paths: [String]) -> TrainingError {
        let names = Set(paths.compactMap { $0.split(separator: ".").last.map(String.init) }).sorted()
        return TrainingError(
            .noTarget,
            "Unable to train \(what): no linear layer of the model has that path. There are \(names.joined(separator: ", "))."
        )
    }
}
