internal import ArgumentParser

struct CompletionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completions", abstract: "Print a shell completion script.",
        discussion: """
            Completes commands, options and their values, and the names, tags and keys of the registry.

              adapterctl completions bash > /etc/bash_completion.d/adapterctl
              adapterctl completions zsh > /usr/local/share/zsh/site-functions/_adapterctl
              adapterctl completions fish > ~/.config/fish/completions/adapterctl.fish
            """, aliases: ["completion"])

    @Argument(help: "bash, zsh or fish.")
    var shell: Shell

    func run() throws {
        try StandardOutput.write(shell.completionScript + "\n")
    }
}
