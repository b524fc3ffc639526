import AdapterServer
import FoundationEssentials
import Yams

/// Options that stand elsewhere than on the command line.
struct Settings {
    private let file: [String: String]
    private let environment: [String: String]

    /// - Parameter path: a YAML file, one mapping from the options' names to their values.
    init(path: String?, environment: [String: String]) throws {
        self.environment = environment
        guard let path = path ?? environment["ADAPTERD_CONFIG"] else {
            file = [:]
            return
        }
        func invalid(_ reason: String) -> ServerError {
            ServerError(.invalidOption, "Unable to read the options in '\(path)': \(reason)")
        }
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw invalid("it cannot be read as text.")
        }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw invalid("it is not YAML (\(error)).")
        }
        var file: [String: String] = [:]
        for (key, value) in node?.mapping ?? [:] {
            guard let name = key.string, Settings.names.contains(name) else {
                throw invalid("'\(key.string ?? "?")' is no option. See adapterd --help.")
            }
            guard let value = value.scalar?.string else { throw invalid("the value of '\(name)' is not text.") }
            file[name] = value
        }
        guard node == nil || node?.mapping != nil else { throw invalid("a mapping is expected.") }
        self.file = file
    }

    /// The names of all options.
    static let names: Set<String> = [
        "registry", "listen", "tls-cert", "tls-key", "users", "anonymous", "public-url", "hf-upstream", "read-only",
        "cache", "max-cache", "max-blob", "max-connections", "max-requests", "rate", "head-timeout", "body-timeout",
        "shutdown-timeout", "keys",
        "log-level", "log-format",
    ]

    /// An option's value: the given one, or that of the environment, or that of the file.
    func value(_ name: String, _ given: String?) -> String? {
        let variable = "ADAPTERD_" + name.uppercased().replacing("-", with: "_")
        return given ?? environment[variable] ?? file[name]
    }
}
