import ArgumentParser

@main
struct Adapterd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapterd",
        abstract: "Serves a registry of adapters over HTTP: OCI push and pull, Hugging Face reads.",
        discussion: """
            Examples:
              adapterd --registry ~/adapters
              adapterd --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem --users users.json
              adapterd user add alice --rule write:team --users users.json

            Every option may also stand in a YAML file (--config) or in the environment: --tls-cert is 'tls-cert' in the
            file and ADAPTERD_TLS_CERT in the environment. The command line counts first, then the environment.
            """,
        subcommands: [Serve.self, User.self], defaultSubcommand: Serve.self)
}
