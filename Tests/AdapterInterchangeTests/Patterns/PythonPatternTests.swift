import Testing

@testable import AdapterInterchange

@Suite struct PythonPatternTests {
    private func matches(_ pattern: String, _ text: String, whole: Bool = false) throws -> Bool {
        var budget = PEFTConfiguration.patternBudget
        return try PythonPattern(pattern).matches(Array(text.unicodeScalars), whole: whole, budget: &budget)
    }

    @Test(arguments: PythonPatternTable.keys)
    func `keys match what Python says`(key: String, expected: String) throws {
        for (name, flag) in zip(PythonPatternTable.names, expected) {
            #expect(try matches(#"(.*\.)?(\#(key))$"#, name) == (flag == "1"), "\(key) on \(name)")
            // The table of patterns takes short cuts for plain keys.
            var budget = PEFTConfiguration.patternBudget
            let table = try ModulePatterns([key: 1])
            #expect(try !table.values(for: name, budget: &budget).isEmpty == (flag == "1"), "\(key) on \(name)")
        }
    }

    @Test(arguments: PythonPatternTable.random)
    func `random patterns match what Python says`(pattern: String, asKey: String, whole: String) throws {
        for (text, flag) in zip(PythonPatternTable.texts, asKey) {
            #expect(try matches(#"(.*\.)?(\#(pattern))$"#, text) == (flag == "1"), "\(pattern) on \(text)")
            var budget = PEFTConfiguration.patternBudget
            let values = try ModulePatterns([pattern: 1]).values(for: text, budget: &budget)
            // The short cuts do not know that `$` matches before a newline; no module's name has one.
            #expect(text.contains("\n") || values.isEmpty == (flag == "0"), "\(pattern) on \(text)")
        }
        for (text, flag) in zip(PythonPatternTable.texts, whole) {
            #expect(try matches(pattern, text, whole: true) == (flag == "1"), "\(pattern) on \(text)")
        }
    }

    @Test(arguments: PythonPatternTable.refused)
    func `what needs backtracking or is malformed is refused`(key: String) throws {
        let error = #expect(throws: InterchangeError.self) { try PythonPattern(#"(.*\.)?(\#(key))$"#) }
        #expect(error?.code == .unsupportedPattern)
        #expect(error?.reason.contains(key) == true)
    }

    @Test(arguments: ["(a*)*b", "(a|aa)+$", "(.*)*x", "((a?){20}){20}ab", "(.*.*.*.*.*.*)*z"])
    func `catastrophic patterns end at once`(pattern: String) throws {
        #expect(try !matches(pattern, String(repeating: "a", count: 1000) + "!"))
    }

    @Test(arguments: [
        String(repeating: "(", count: 100) + String(repeating: ")", count: 100), "a{1001}", "a{99999999999999999999}",
        "((a{100}){100}){100}", "(((()){1000}){1000}){1000}", String(repeating: "a", count: 5000),
    ])
    func `patterns beyond the limits are refused`(pattern: String) throws {
        let error = #expect(throws: InterchangeError.self) { try PythonPattern(pattern) }
        #expect(error?.code == .limitExceeded)
    }

    @Test func `a budget that is used up is an error`() throws {
        let pattern = try PythonPattern("(a|b)*c")
        var budget = 100
        let text = Array(repeating: "a" as Unicode.Scalar, count: 1000)
        let error = #expect(throws: InterchangeError.self) { try pattern.matches(text, budget: &budget) }
        #expect(error?.code == .limitExceeded)
    }

    @Test func `the values of all matching keys come in the order of the keys`() throws {
        let table = try ModulePatterns(["v_proj": 3, "^model.*": 1, "layers.1.v_proj": 2, "attn.v_proj": 4, ".*": 3])
        var budget = 10_000
        #expect(try table.values(for: "model.layers.1.v_proj", budget: &budget) == [3, 1, 2])
        #expect(try table.values(for: "q_proj", budget: &budget) == [3])
        #expect(try ModulePatterns(["^a": 1]).values(for: "b.a", budget: &budget) == [])
    }

    @Test(arguments: ["", "^"])
    func `names that Unicode only orders differently are two names`(prefix: String) throws {
        // Two marks in either order: equal as strings of Swift, different as Python's.
        let (name, other) = ("\u{5C7}\u{5C2}", "\u{5C2}\u{5C7}")
        #expect(name == other)
        var budget = 1000
        let patterns = try ModulePatterns([prefix + name: 1])
        #expect(try patterns.values(for: name, budget: &budget) == [1])
        #expect(try patterns.values(for: other, budget: &budget).isEmpty)
    }

    @Test func `a rank for each module by its whole name is found quickly`() throws {
        // 80 layers of seven modules, the dots not escaped, as EVA writes them.
        let names = (0..<80).flatMap { layer in
            ["q", "k", "v", "o", "gate", "up", "down"].map { "model.layers.\(layer).self_attn.\($0)_proj" }
        }
        let table = try ModulePatterns(
            Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) }))
        var budget = PEFTConfiguration.patternBudget
        for (index, name) in names.enumerated() {
            #expect(try table.values(for: name, budget: &budget) == [index])
        }
        #expect(budget > PEFTConfiguration.patternBudget / 2)
    }
}
