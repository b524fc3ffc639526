import Glibc

/// How many files and connections the process may have open.
public enum OpenFileLimit {
    /// What the process has open besides connections: the catalog, its log, the threads' queues.
    private static let ownCount = 40

    /// Raises the limit as far as the system lets the process do that.
    ///
    /// - Returns: how many connections fit, each with a file that is sent on it.
    public static func raise() -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        let count = Int(clamping: limit.rlim_cur)
        return max(1, (count - ownCount) / 2)
    }
}
