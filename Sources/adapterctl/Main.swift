import AdapterCommands
import CMalloc
import LinearAlgebra

@main
enum Main {
    static func main() {
        // Chunks of a mebibyte come and go on all threads. The C library would give the pages of each back to the
        // system and fault them in again, which takes longer than decoding does.
        _ = mallopt(M_MMAP_THRESHOLD, 32 << 20)
        _ = mallopt(M_TRIM_THRESHOLD, 64 << 20)
        OpenBLAS.endIdleThreads()
        Adapterctl.runAndExit()
    }
}
