import Foundation
import Glibc

extension RunningTool {
    /// Waits for the end of the process, and measures how much memory it had at most until shortly before.
    ///
    /// Not what wait4(2) says: that counts the memory of this process too, which the child shares until it is another
    /// program.
    ///
    /// - Returns: the result and the largest resident set that was seen, in bytes.
    public func waitMeasuringMemory() -> (result: CommandLineTool.Result, peakByteCount: Int) {
        var peak = 0
        while isRunning {
            let status = (try? String(contentsOfFile: "/proc/\(processIdentifier)/status", encoding: .utf8)) ?? ""
            let isTool = status.hasPrefix("Name:\tadapterctl\n")
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            let kibibytes = line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap {
                Int($0)
            }
            if isTool, let kibibytes { peak = max(peak, 1024 * kibibytes) }
            usleep(500)
        }
        return (wait(), peak)
    }
}
