/// A regular expression of Python's `re` that picks modules by their names, as `re.search` does.
package struct ModuleNamePattern: Sendable {
    /// The most steps that one comparison may take.
    private static let stepLimit = 10_000_000

    private let pattern: PythonPattern

    /// Compiles a pattern.
    ///
    /// - Throws: ``InterchangeError`` with code `unsupportedPattern` or `limitExceeded`.
    package init(_ source: String) throws {
        pattern = try PythonPattern(".*(?:\(source))")
    }

    /// Whether the pattern matches anywhere in a name.
    ///
    /// - Throws: ``InterchangeError`` with code `limitExceeded`.
    package func matches(_ name: String) throws -> Bool {
        var budget = ModuleNamePattern.stepLimit
        return try pattern.matches(Array(name.unicodeScalars), budget: &budget)
    }
}
