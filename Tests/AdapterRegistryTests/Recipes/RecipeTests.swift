import AdapterTesting
import ByteCoding
import Integrity
import Testing

@testable import AdapterRegistry

@Suite struct RecipeTests {
    @Test func `A recipe of named, nested and weighted steps is a graph in order`() throws {
        let recipe = try Recipe(
            parsing: """
                message: hello
                steps:
                  b: {operation: convert, inputs: [x/y:v1], options: {dtype: f32}}
                  top:
                    operation: merge
                    inputs:
                      - {step: b, weight: 0.7}
                      - b=-2
                      - team/tone=0.3
                      - {adapter: "z:v2"}
                      - operation: interpolate
                        weight: 3
                        inputs: [b, q:v1]
                        options: {at: 0.25}
                    options: {method: exact, rank: 8, allow-different-base: true}
                """)
        #expect(recipe.result == "top")
        #expect(recipe.order == ["b", "top.5", "top"])
        #expect(recipe.message == "hello")
        let top = try #require(recipe.steps["top"])
        #expect(top.inputs.map(\.weight) == [0.7, -2, 0.3, nil, 3])
        #expect(top.inputs.map(\.label) == ["b", "b", "team/tone:latest", "z:v2", "top.5"])
        #expect(top.options == ["method": "exact", "rank": 8, "allow-different-base": true])
        #expect(recipe.steps["top.5"]?.options == ["at": 0.25])
        #expect(recipe.references.map(\.description) == ["x/y:v1", "q:v1", "team/tone:latest", "z:v2"])
        let single = try Recipe(parsing: "{\"operation\": \"merge\", \"inputs\": [\"a=1.5\"], \"message\": \"m\"}")
        #expect(single.order == ["result"])
        #expect(single.message == "m")
    }

    @Test(arguments: [
        ("steps: {a: {operation: merge, inputs: [b]}, b: {operation: merge, inputs: [a]}}", "cycle"),
        ("steps: {a: {operation: merge, inputs: [a]}}", "cycle: a → a"),
        (
            "steps: {a: {operation: m, inputs: [b]}, b: {operation: m, inputs: [c]}, c: {operation: m, inputs: [b]}}",
            "b → c → b"
        ),
        ("steps: {a: {operation: merge, inputs: [{step: nowhere}]}}", "no step 'nowhere'"),
        ("steps: {a: {operation: merge, inputs: []}}", "no inputs"), ("steps: {a: {inputs: [x]}}", "'operation'"),
        ("steps: {a: {operation: m, inputs: [x], opitons: {}}}", "'opitons'"),
        ("steps: {a: {operation: m, inputs: [{adapter: x, wieght: 1}]}}", "'wieght'"),
        ("steps: {a: {operation: m, inputs: [{adapter: x, step: y}]}}", "'adapter' or 'step'"),
        ("steps: {a: {operation: m, inputs: [{adapter: x, weight: .nan}]}}", "finite"),
        ("steps: {a: {operation: m, inputs: ['x=abc']}}", "finite"),
        ("steps: {a: {operation: m, inputs: [x]}, b: {operation: m, inputs: [x]}}", "several steps"),
        ("steps: {a: {operation: m, inputs: [UPPER]}}", "uppercase"), ("steps: [1]", "no 'steps'"), ("", "empty"),
        ("[1, 2]", "map"), ("a: 1\na: 2", ""), ("operation: m\nsteps: {}", "both"), ("steps: {", ""),
        ("x: &a [1]\ny: *a", "anchor"), ("operation: m\ninputs: [x]\noptions: 3", "not a map"),
        ("\u{0}\u{1}", ""), (String(repeating: "[", count: 5000), ""), (String(repeating: "{a: ", count: 40) + "1", ""),
        (String(repeating: "x", count: 2 << 20), "more than"),
    ])
    func `What is no recipe is refused with the reason`(_ text: String, _ reason: String) throws {
        let error = #expect(throws: RegistryError.self) { try Recipe(parsing: text) }
        #expect([.invalidRecipe, .invalidReference].contains(error?.code))
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test func `A chain of a thousand steps is no problem, and longer ones are refused`() throws {
        func chain(_ count: Int) throws -> Recipe {
            var steps = ["s0": Recipe.Step(operation: "m", inputs: [.init(.reference(try reference("x")))])]
            for index in 1..<count {
                steps["s\(index)"] = Recipe.Step(operation: "m", inputs: [.init(.step("s\(index - 1)"))])
            }
            return try Recipe(steps: steps, result: "s\(count - 1)")
        }
        #expect(try chain(1000).order.count == 1000)
        #expect(throws: RegistryError.self) { try chain(1001) }
    }

    @Test func `A document as YAML reads as the same document`() throws {
        let document: MetadataValue = [
            "steps": [
                "a": [
                    "operation": "merge", "inputs": [["adapter": "x:v1", "weight": 0.1], ["step": "123"]],
                    "options": ["text": "1.5", "flag": true, "none": nil, "n": -3, "x": 1e-30, "s": "a: b # c\n\"d\""],
                ]
            ]
        ]
        #expect(try RecipeText.parse(Array(Recipe.yaml(document).utf8), named: "x") == document)
    }
}
