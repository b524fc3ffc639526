internal import Glibc

/// Runs something during which a connection or a pipe may break, without the signal that would end the process.
func withoutPipeSignal<Result>(_ body: () -> Result) -> Result {
    var pipe = sigset_t()
    var before = sigset_t()
    unsafe sigemptyset(&pipe)
    unsafe sigaddset(&pipe, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &pipe, &before)
    let result = body()
    // A signal that came meanwhile would be delivered as soon as it is let through.
    if unsafe sigismember(&before, SIGPIPE) == 0 {
        var none = timespec()
        while unsafe sigtimedwait(&pipe, nil, &none) == SIGPIPE {}
    }
    unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
    return result
}
