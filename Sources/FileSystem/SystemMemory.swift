import Glibc

/// How much memory there is, and how much this process has taken.
public enum SystemMemory {
    /// The bytes that a program can take without swapping, as the system estimates it, or that its control groups leave
    /// it where these are fewer; nil where nobody says.
    public static var availableByteCount: Int? { availableByteCount(root: "") }

    /// - Parameter root: the folder in which `/proc` and `/sys` lie.
    package static func availableByteCount(root: String) -> Int? {
        let system = value(of: "MemAvailable:", in: "\(root)/proc/meminfo").map {
            $0.multipliedReportingOverflow(by: 1024)
        }
        let whole = system.flatMap { $0.overflow ? nil : $0.partialValue }
        return ([whole] + groupByteCounts(root)).compactMap(\.self).min()
    }

    /// What each control group (version 2) of this process leaves, its own and those around it: the limit less what is
    /// used, of which files that nobody reads can be given back.
    private static func groupByteCounts(_ root: String) -> [Int?] {
        guard
            let line = text("\(root)/proc/self/cgroup")?.split(separator: "\n").first(where: { $0.hasPrefix("0::/") })
        else { return [] }
        var names = line.dropFirst("0::/".count).split(separator: "/")
        var counts: [Int?] = []
        while true {
            let folder = (["\(root)/sys/fs/cgroup"] + names).joined(separator: "/")
            if let limit = number(in: folder + "/memory.max"), let used = number(in: folder + "/memory.current") {
                let idle = value(of: "inactive_file", in: folder + "/memory.stat") ?? 0
                counts.append(max(0, limit - max(0, used - idle)))
            }
            guard names.popLast() != nil else { return counts }
        }
    }

    /// The number behind a word at the beginning of a line.
    private static func value(of word: String, in path: String) -> Int? {
        guard let text = text(path) else { return nil }
        let lines = text.split(separator: "\n").lazy.map { $0.split(separator: " ") }
        return lines.first { $0.count > 1 && $0[0] == word }.flatMap { Int($0[1]) }
    }

    /// A file's only number; nil where it says `max`.
    private static func number(in path: String) -> Int? {
        text(path)?.split(separator: "\n").first.flatMap { Int($0) }
    }

    /// Files of the kernel have no length, so they are read as far as they go, which is not far.
    private static func text(_ path: String) -> String? {
        guard let descriptor = try? FileDescriptor(opening: path, flags: O_RDONLY, verb: "open") else { return nil }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = unsafe read(descriptor.rawValue, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }

    /// The most bytes that this process had in memory so far, mapped files included.
    public static var peakResidentByteCount: Int {
        var usage = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return Int(usage.ru_maxrss) * 1024
    }
}
