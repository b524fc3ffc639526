public import ArgumentParser
internal import Glibc

/// The root command of `adapterctl`.
public struct Adapterctl: ParsableCommand {
    /// The name, the version and the subcommands.
    public static let configuration = CommandConfiguration(
        commandName: "adapterctl",
        abstract: "Store, merge and verify LoRA adapters.",
        discussion: """
            An adapter goes in as the folder that PEFT wrote, is kept as one checksummed file in a local registry, and \
            comes out as a folder that PEFT loads, bit for bit.

              adapterctl push ./my-adapter team/support:v1
              adapterctl merge team/support:v1=0.7 team/tone:v3=0.3 -t team/assistant:v1
              adapterctl verify --all
              adapterctl pull team/assistant:v1 -o ./assistant

            A reference is NAME, NAME:TAG or NAME@sha256:DIGEST; the tag is 'latest' when it is left out. What starts \
            with '.' or '/' or exists as a path is a path.

            Exit codes: 0 done, 1 failed, 2 damage found, 3 not found, 4 conflict, 5 network, 64 wrong usage, \
            130 stopped by Ctrl-C.
            """,
        version: ToolVersion.current,
        subcommands: [
            PushCommand.self, PullCommand.self, ListCommand.self, ShowCommand.self, InspectCommand.self,
            DiffCommand.self, ReportCommand.self, TagCommand.self, UntagCommand.self,
            RemoveCommand.self, HistoryCommand.self, VerifyCommand.self, SignCommand.self, KeyCommand.self,
            MergeCommand.self, InterpolateCommand.self, ScaleCommand.self, NegateCommand.self, SubtractCommand.self,
            ResizeCommand.self, PadCommand.self, ExtractCommand.self, ConvertCommand.self,
            CompatibilityCommand.self, FuseCommand.self,
            TrainCommand.self,
            EvalCommand.self, RunsCommand.self,
            PackCommand.self,
            UnpackCommand.self, ComposeCommand.self, RebuildCommand.self, RecipeCommand.self, LineageCommand.self,
            RollbackCommand.self, LockCommand.self, LogCommand.self, CollectCommand.self, CheckCommand.self,
            BackupCommand.self, StatsCommand.self, DocumentCommand.self,
            LoginCommand.self, LogoutCommand.self, CompletionsCommand.self, ManualCommand.self,
        ])

    /// What stands before messages of errors, those of the parser too.
    public static var _errorPrefix: String { "adapterctl: \(Style.bad.appliedOnError(to: "error:")) " }

    /// Creates the command.
    public init() {}

    /// Parses the process's arguments, runs the command and exits with the code that scripts rely on.
    public static func runAndExit() -> Never {
        // A write beyond a file size limit must end in an error message, not in a signal.
        _ = signal(SIGXFSZ, SIG_IGN)
        let words = Array(CommandLine.arguments.dropFirst())
        if words.first == Shell.question { complete(Array(words.dropFirst())) }
        let arguments = GlobalOptions.movedBehindCommand(words)
        var command: any ParsableCommand
        do {
            command = try parseAsRoot(arguments)
        } catch {
            if let suggestion = CommandSuggestion(for: arguments) {
                StandardError.say(suggestion.text)
                Glibc.exit(Failure.wrongUsage)
            }
            end(with: error)
        }
        do {
            try command.run()
            try StandardOutput.flush()
        } catch  where exitCode(for: error) != .failure {
            // Help, wrong usage, or a code that a command has chosen.
            end(with: error)
        } catch {
            StandardError.say(_errorPrefix + Failure.message(of: error))
            Glibc.exit(Failure.exitCode(of: error))
        }
        Glibc.exit(0)
    }

    /// Ends as the parser would, with messages that fit the terminal.
    private static func end(with error: any Error) -> Never {
        let code = exitCode(for: error)
        let message = fullMessage(for: error)
        guard code == .validationFailure, !message.isEmpty else { exit(withError: error) }
        StandardError.say(message)
        Glibc.exit(code.rawValue)
    }

    /// Answers a completion script. Whatever goes wrong, the shell gets nothing to complete, and no message.
    private static func complete(_ words: [String]) -> Never {
        do {
            try StandardOutput.write(Completer(words: words).completion().text)
            try StandardOutput.flush()
        } catch {
            Glibc.exit(Failure.failed)
        }
        Glibc.exit(0)
    }
}

/// The version of this program, which computed adapters record.
enum ToolVersion {
    static let current = "0.1.0"
    /// The day of the release, for manual pages.
    static let date = "2026-11-24"
}
