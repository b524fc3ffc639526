/// What the program takes from its environment.
struct EnvironmentVariable {
    let name: String
    let meaning: String

    /// All that the program itself looks at.
    static let all = [
        EnvironmentVariable(name: "ADAPTERCTL_REGISTRY", meaning: "The registry's folder."),
        EnvironmentVariable(
            name: "ADAPTERCTL_ACTOR", meaning: "Who changes the registry, for its log; default: the user's name."),
        EnvironmentVariable(name: "ADAPTERCTL_KEYS", meaning: "The folder of keys."),
        EnvironmentVariable(
            name: "ADAPTERCTL_THREADS",
            meaning: "How many threads compute; default: one a processor. Results are the same."),
        EnvironmentVariable(
            name: "XDG_DATA_HOME", meaning: "Where the folder adapterctl is, the registry; default: ~/.local/share."),
        EnvironmentVariable(
            name: "XDG_CONFIG_HOME", meaning: "Where the folder adapterctl/keys is; default: ~/.config."),
        EnvironmentVariable(
            name: "XDG_RUNTIME_DIR", meaning: "Where podman keeps credentials, containers/auth.json."),
        EnvironmentVariable(name: "HOME", meaning: "Where the defaults above are."),
        EnvironmentVariable(name: "DOCKER_CONFIG", meaning: "The folder of Docker's config.json, with credentials."),
        EnvironmentVariable(name: "REGISTRY_AUTH_FILE", meaning: "A file with credentials for remote registries."),
        EnvironmentVariable(name: "SSL_CERT_FILE", meaning: "Certificate authorities to trust too, a PEM file."),
        EnvironmentVariable(name: "https_proxy", meaning: "The proxy for https; HTTPS_PROXY if there is none."),
        EnvironmentVariable(name: "HTTPS_PROXY", meaning: "The proxy for https."),
        EnvironmentVariable(name: "http_proxy", meaning: "The proxy for http (--plain-http)."),
        EnvironmentVariable(name: "ALL_PROXY", meaning: "The proxy where none of these names one."),
        EnvironmentVariable(
            name: "NO_PROXY", meaning: "Hosts that are reached without a proxy; this machine always is."),
        EnvironmentVariable(
            name: "NO_COLOR", meaning: "Print no colours. Otherwise terminals get them, but for TERM=dumb."),
        EnvironmentVariable(name: "CLICOLOR_FORCE", meaning: "Print colours, even where there is no terminal."),
        EnvironmentVariable(name: "TERM", meaning: "dumb for a terminal that knows no colours and no moves."),
        EnvironmentVariable(name: "COLUMNS", meaning: "How wide tables may be; default: the terminal's width."),
        EnvironmentVariable(name: "TMPDIR", meaning: "Where files are made that do not stay; default: /tmp."),
    ]

    /// The files that it reads and writes unless it is told otherwise.
    static let files: [(path: String, meaning: String)] = [
        ("~/.local/share/adapterctl", "The registry."),
        ("~/.config/adapterctl/keys", "Keys: one's own, and those that are trusted."),
        ("~/.docker/config.json", "Credentials for remote registries."),
        ("adapters.lock", "The digests behind names, for a project's repository."),
    ]
}
