import CFuzzer
import Glibc

/// A file in memory that is opened by a path, as the library opens every file.
struct MemoryFile: ~Copyable {
    private let descriptor: Int32
    let path: String

    init() {
        descriptor = fuzzer_memory_file()
        path = "/proc/self/fd/\(descriptor)"
    }

    /// Replaces the content.
    func replace(with bytes: [UInt8]) {
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else {
            fatalError("the file in memory cannot be written: \(errno)")
        }
    }
}

/// The one file of this process; inputs are run one after the other.
let memoryFile = MemoryFile()

/// Where outputs go that are read again and then vanish.
let scratchFolder = "/dev/shm"
