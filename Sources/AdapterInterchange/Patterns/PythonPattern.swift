/// A regular expression of Python's `re` that decides membership without backtracking.
///
/// Hostile patterns cannot hang it: it runs all alternatives side by side (Thompson, "Regular expression search
/// algorithm", 1968), so its time is at most the program's size times the text's length. What would need backtracking
/// (back references, lookaround, atomic groups) and inline flags are refused by name. Greediness makes no
/// difference to membership and is ignored.
package struct PythonPattern: Sendable {
    /// The most instructions of a compiled pattern.
    static let maximumProgramCount = 4000

    /// One step of the compiled pattern.
    enum Instruction: Sendable {
        /// Consumes one character that the set holds.
        case consume(CharacterSet)
        /// Goes on at both places.
        case split(Int, Int)
        /// Goes on at another place.
        case jump(Int)
        /// Goes on when the assertion holds here.
        case assert(Assertion)
        /// The pattern has matched.
        case accept
    }

    /// A condition on the position in the text.
    enum Assertion: Sendable {
        case start
        case end
        case endBeforeNewline
        case wordBoundary
        case notWordBoundary
    }

    private let program: [Instruction]
    /// What one instruction costs at most, in steps.
    private let stepCost: Int

    /// The size of the compiled pattern.
    var programCount: Int { program.count }

    /// Compiles a pattern.
    ///
    /// - Throws: ``InterchangeError`` with code `unsupportedPattern` when it is malformed or uses a part of the
    ///   language that is not supported; with code `limitExceeded` when it is too large.
    package init(_ source: String) throws {
        var parser = PythonPatternParser(source)
        var compiler = Compiler()
        try compiler.compile(parser.parse())
        try compiler.emit(.accept)
        program = compiler.program
        stepCost = program.reduce(1) { cost, instruction in
            guard case .consume(let set) = instruction else { return cost }
            return max(cost, set.memberCount)
        }
    }

    /// Whether the pattern matches at the start of the text, as `re.match` does; with `whole`, only when it matches
    /// the whole text, as `re.fullmatch` does.
    ///
    /// - Parameter budget: the steps that are left; they bound the time that a file's patterns may take together.
    /// - Throws: ``InterchangeError`` with code `limitExceeded` when the budget is used up.
    package func matches(_ text: [Unicode.Scalar], whole: Bool = false, budget: inout Int) throws -> Bool {
        budget -= program.count
        var current = ThreadList(capacity: program.count)
        var next = ThreadList(capacity: program.count)
        for position in 0...text.count {
            // Only `re.match` would also begin later; anchored, the first position starts the only thread.
            if position == 0 { add(0, at: 0, text, to: &current) }
            budget -= (current.instructions.count + 1) * stepCost
            guard budget >= 0 else {
                throw InterchangeError(.limitExceeded, "its patterns take too long to compare with its modules")
            }
            if current.hasAccepted, !whole || position == text.count { return true }
            guard position < text.count, !current.instructions.isEmpty else { return false }
            next.removeAll()
            for index in current.instructions {
                if case .consume(let set) = program[index], set.contains(text[position]) {
                    add(index + 1, at: position + 1, text, to: &next)
                }
            }
            swap(&current, &next)
        }
        return false
    }

    /// Follows everything that consumes nothing from an instruction on.
    private func add(_ start: Int, at position: Int, _ text: [Unicode.Scalar], to list: inout ThreadList) {
        var pending = [start]
        while let index = pending.popLast() {
            guard list.insert(index) else { continue }
            switch program[index] {
            case .consume: break
            case .accept: list.hasAccepted = true
            case .jump(let target): pending.append(target)
            case .split(let first, let second):
                pending.append(first)
                pending.append(second)
            case .assert(let assertion):
                if holds(assertion, at: position, text) { pending.append(index + 1) }
            }
        }
    }

    private func holds(_ assertion: Assertion, at position: Int, _ text: [Unicode.Scalar]) -> Bool {
        switch assertion {
        case .start: return position == 0
        case .end: return position == text.count
        case .endBeforeNewline:
            return position == text.count || (position == text.count - 1 && text[position] == "\n")
        case .wordBoundary, .notWordBoundary:
            let before = position > 0 && CharacterSet.word.contains(text[position - 1])
            let after = position < text.count && CharacterSet.word.contains(text[position])
            if case .wordBoundary = assertion { return before != after }
            // Python's \B does not match in an empty text (before 3.14).
            return before == after && !text.isEmpty
        }
    }
}

extension PythonPattern {
    /// The instructions that are alive at one position, each once.
    private struct ThreadList {
        private(set) var instructions: [Int] = []
        private var isMember: [Bool]
        var hasAccepted = false

        init(capacity: Int) {
            isMember = [Bool](repeating: false, count: capacity)
        }

        mutating func insert(_ index: Int) -> Bool {
            guard !isMember[index] else { return false }
            isMember[index] = true
            instructions.append(index)
            return true
        }

        mutating func removeAll() {
            for index in instructions { isMember[index] = false }
            instructions.removeAll(keepingCapacity: true)
            hasAccepted = false
        }
    }

    /// Turns the tree into instructions.
    private struct Compiler {
        var program: [Instruction] = []
        private var workCount = 0

        mutating func emit(_ instruction: Instruction) throws {
            program.append(instruction)
            try count()
        }

        private mutating func count() throws {
            // Work is counted apart from instructions: an empty group repeated a thousand times emits nothing.
            workCount += 1
            guard program.count < maximumProgramCount, workCount < 10 * maximumProgramCount else {
                throw InterchangeError(.limitExceeded, "a pattern is too large")
            }
        }

        mutating func compile(_ node: PythonPatternNode) throws {
            try count()
            switch node {
            case .set(let set): try emit(.consume(set))
            case .assertion(let assertion): try emit(.assert(assertion))
            case .sequence(let nodes): for node in nodes { try compile(node) }
            case .alternatives(let nodes): try compile(alternatives: nodes)
            case .repetition(let node, let least, let most):
                for _ in 0..<least { try compile(node) }
                if let most {
                    var splits: [Int] = []
                    for _ in least..<max(least, most) {
                        splits.append(program.count)
                        try emit(.split(0, 0))
                        try compile(node)
                    }
                    for split in splits { program[split] = .split(split + 1, program.count) }
                } else {
                    let split = program.count
                    try emit(.split(0, 0))
                    try compile(node)
                    try emit(.jump(split))
                    program[split] = .split(split + 1, program.count)
                }
            }
        }

        private mutating func compile(alternatives: [PythonPatternNode]) throws {
            var jumps: [Int] = []
            for (index, node) in alternatives.enumerated() {
                guard index < alternatives.count - 1 else {
                    try compile(node)
                    break
                }
                let split = program.count
                try emit(.split(0, 0))
                try compile(node)
                jumps.append(program.count)
                try emit(.jump(0))
                program[split] = .split(split + 1, program.count)
            }
            for jump in jumps { program[jump] = .jump(program.count) }
        }
    }
}
