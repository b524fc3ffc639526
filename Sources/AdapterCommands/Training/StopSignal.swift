internal import Glibc
internal import Synchronization

/// SIGINT (Ctrl-C) and SIGTERM as a wish to stop: a run that is told so keeps a checkpoint first. The second one ends the
/// process at once.
enum StopSignal {
    private static let flag = Atomic(false)

    /// Whether one of them has come.
    static var isRaised: Bool { flag.load(ordering: .relaxed) }

    /// From now on takes note of them, but for one that is ignored: a shell that starts a program in the background lets it
    /// ignore Ctrl-C, which is meant for another.
    static func watch() {
        // The flag exists before a handler could ask for it: making it takes a lock.
        flag.store(false, ordering: .relaxed)
        var numbers = sigset_t()
        unsafe sigemptyset(&numbers)
        for number in [SIGINT, SIGTERM] where !isIgnored(number) {
            _ = signal(number) { number in
                StopSignal.flag.store(true, ordering: .relaxed)
                _ = signal(number, SIG_DFL)
            }
            unsafe sigaddset(&numbers, number)
        }
        // Who starts programs from a thread that blocks signals, as threads of libdispatch do, passes that on.
        unsafe pthread_sigmask(SIG_UNBLOCK, &numbers, nil)
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        let handler = unsafe action.__sigaction_handler.sa_handler
        return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
