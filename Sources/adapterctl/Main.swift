import AdapterCommands
import CMalloc
import Glibc

@main
enum Main {
    static func main() {
        // Chunks of a mebibyte come and go on all threads. The C library would give the pages of each back to the
        // system and fault them in again, which takes longer than decoding does.
        _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
        _ = mallopt(M_TRIM_THRESHOLD, 64 << 20)
        explainBusErrors()
        Adapterctl.runAndExit()
    }

    /// Base models are mapped into memory. When one is cut short or its disk fails meanwhile, the system has no other way
    /// to say so than a signal; it becomes a sentence and an exit code.
    private static func explainBusErrors() {
        signal(SIGBUS) { _ in
            // Only what may be called in a signal handler (signal-safety(7)).
            let message: StaticString =
                "adapterctl: error: Unable to read a file that is mapped into memory, such as a base model's: it was cut short or its disk failed. Leave it alone while it is in use, and run the command again.\n"
            _ = unsafe write(STDERR_FILENO, message.utf8Start, message.utf8CodeUnitCount)
            _exit(1)
        }
    }
}
