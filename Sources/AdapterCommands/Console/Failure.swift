internal import AdapterArithmetic
internal import AdapterFormat
internal import AdapterInterchange
internal import AdapterRegistry
internal import AdapterTraining
internal import Adapters
internal import ArgumentParser
internal import FileSystem
internal import Integrity
internal import OCIDistribution

/// How errors of the libraries become a message and an exit code.
enum Failure {
    static let failed: Int32 = 1
    static let damaged: Int32 = 2
    static let notFound: Int32 = 3
    static let conflict: Int32 = 4
    static let peerFailed: Int32 = 5
    static let wrongUsage: Int32 = 64
    /// As shells say it of a program that Ctrl-C has ended.
    static let interrupted: Int32 = 130

    /// What the codes say, in ascending order.
    static let meanings: [(code: Int32, meaning: String)] = [
        (0, "Done."), (failed, "Failed."), (damaged, "Verification found damage or a mismatch."),
        (notFound, "There is no such adapter, tag, key or file."),
        (conflict, "The tag has moved or may not be moved."), (peerFailed, "The other side or the network failed."),
        (wrongUsage, "Wrong usage."), (interrupted, "Stopped by Ctrl-C or SIGTERM; train keeps a checkpoint first."),
    ]

    /// Ends the command with the code for damage, its answer printed.
    static func endDamaged(if isDamaged: Bool) throws {
        guard isDamaged else { return }
        try StandardOutput.flush()
        throw ExitCode(damaged)
    }

    /// The exit code that scripts rely on.
    static func exitCode(of error: any Error) -> Int32 {
        switch error {
        case let error as RegistryError:
            switch error.code {
            case .notFound: notFound
            case .conflict, .immutableTag: conflict
            case .damagedBlob, .corrupt: damaged
            case .invalidReference, .invalidQuery: wrongUsage
            default: failed
            }
        case let error as FormatError: error.code == .notRepresentable ? failed : damaged
        case let error as SignatureError:
            switch error.code {
            case .malformedKey, .unsupportedKey, .cryptographyFailed: failed
            case .malformedDate: wrongUsage
            default: damaged
            }
        case let error as InterchangeError: error.code == .damaged ? damaged : failed
        case let error as OCIError:
            switch error.code {
            case .invalidReference: wrongUsage
            case .notFound: notFound
            case .conflict: conflict
            case .digestMismatch: damaged
            case .wrongKind, .credentials: failed
            default: peerFailed
            }
        case let error as TrainingError: error.code == .cancelled ? interrupted : failed
        case let error as FileSystemError: error.code == .notFound ? notFound : failed
        default: failed
        }
    }

    /// The sentence for a person, without control characters: names from files must not steer the terminal.
    static func message(of error: any Error) -> String {
        Format.printable("\(error)")
    }
}
