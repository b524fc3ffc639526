import Glibc

/// A range of a file mapped into memory, read-only, until the last reference to it is gone.
///
/// For bytes that are read many times in place, such as the weights of a model. The pages belong to the system's cache
/// and cost no memory of the process's own. Unlike what ``InputFile`` copies they are not owned: while a mapping is
/// used nobody may shorten the file, which would end the process with SIGBUS.
@safe
public final class MappedRegion: Sendable {
    // Read-only memory: what is never written can be shared.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer?
    private let mappedByteCount: Int
    private let skipped: Int
    /// The length of the range in bytes.
    public let byteCount: Int

    /// Maps `count` bytes from `offset` on; the range is within the file.
    init(mapping descriptor: FileDescriptor, at offset: Int, count: Int) throws {
        byteCount = count
        // Mappings begin at a page; an empty one is refused by the system.
        skipped = offset % Int(sysconf(Int32(_SC_PAGESIZE)))
        mappedByteCount = count == 0 ? 0 : count + skipped
        guard count > 0 else {
            unsafe base = nil
            return
        }
        let address = unsafe mmap(
            nil, mappedByteCount, PROT_READ, MAP_PRIVATE, descriptor.rawValue, off_t(offset - skipped))
        guard unsafe address != MAP_FAILED else { throw FileSystemError.systemCall("map", descriptor.path) }
        unsafe base = address
    }

    deinit {
        if mappedByteCount > 0 { unsafe munmap(base, mappedByteCount) }
    }

    /// Lends the bytes; they must not be used after `body` has returned.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        let start = unsafe base.map { unsafe UnsafeRawPointer($0.advanced(by: skipped)) }
        return try unsafe body(UnsafeRawBufferPointer(start: start, count: byteCount))
    }
}
