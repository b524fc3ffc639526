import Glibc

/// How much memory there is, and how much this process has taken.
public enum SystemMemory {
    /// The bytes that a program can take without swapping, as the system estimates it; nil where it does not say.
    public static var availableByteCount: Int? {
        guard let descriptor = try? FileDescriptor(opening: "/proc/meminfo", flags: O_RDONLY, verb: "open") else {
            return nil
        }
        // The file has no length, so it is read as far as it goes.
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe read(descriptor.rawValue, &buffer, buffer.count)
        guard count > 0 else { return nil }
        for line in String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("MemAvailable:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }?.multipliedReportingOverflow(
                by: 1024
            ).partialValue
        }
        return nil
    }

    /// The most bytes that this process had in memory so far, mapped files included.
    public static var peakResidentByteCount: Int {
        var usage = rusage()
        guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
        return Int(usage.ru_maxrss) * 1024
    }
}
