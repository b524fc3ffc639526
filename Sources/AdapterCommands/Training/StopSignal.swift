internal import Glibc
internal import Synchronization

/// SIGINT (Ctrl-C) and SIGTERM as a wish to stop: a run that is told so keeps a checkpoint first. The second one ends the
/// process at once.
enum StopSignal {
    private static let flag = Atomic(false)

    /// Whether one of them has come.
    static var isRaised: Bool { flag.load(ordering: .relaxed) }

    /// From now on takes note of them.
    static func watch() {
        // The flag exists before a handler could ask for it: making it takes a lock.
        flag.store(false, ordering: .relaxed)
        var numbers = sigset_t()
        unsafe sigemptyset(&numbers)
        for number in [SIGINT, SIGTERM] {
            _ = signal(number) { number in
                StopSignal.flag.store(true, ordering: .relaxed)
                _ = signal(number, SIG_DFL)
            }
            unsafe sigaddset(&numbers, number)
        }
        // Who starts programs from a thread that blocks signals, as threads of libdispatch do, passes that on.
        unsafe pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
    }
}
