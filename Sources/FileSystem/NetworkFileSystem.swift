import CFileSystem
import Glibc

/// File systems that several machines share, where neither locks nor shared memory can be relied on.
public enum NetworkFileSystem {
    // See: 'man 2 statfs' and linux/magic.h.
    private static let names: [UInt32: String] = [
        0x6969: "NFS", 0x517B: "SMB", 0xFF53_4D42: "CIFS", 0xFE53_4D42: "SMB2", 0x5346_414F: "AFS",
        0x6B41_4653: "AFS", 0x7375_7245: "Coda", 0x564C: "NCP", 0x00C3_6400: "Ceph", 0x0BD0_0BD0: "Lustre",
        0x0116_1970: "GFS2", 0x7461_636F: "OCFS2", 0x1983_0326: "BeeGFS", 0x4750_4653: "GPFS",
        0xAAD7_AAEA: "PanFS", 0x0102_1997: "9P",
    ]

    /// The name of a network file system by the number that `statfs(2)` gives; nil for any other.
    package static func name(ofType type: Int) -> String? { names[UInt32(truncatingIfNeeded: type)] }

    // What programs that show remote storage call their file systems, behind 'fuse.'.
    private static let userSpaceNames: Set = [
        "sshfs", "s3fs", "rclone", "glusterfs", "ceph", "ceph-fuse", "juicefs", "gcsfuse", "goofys", "mountpoint-s3",
        "davfs", "davfs2", "cephfs", "blobfuse", "blobfuse2", "moosefs", "mfs",
    ]
    private static let userSpaceType: UInt32 = 0x6573_5546

    /// The name of the network file system that a path is on, or would be once it is made; nil for any other.
    public static func name(at path: String) -> String? {
        var path = path
        var status = statfs()
        while unsafe statfs(path, &status) != 0 {
            let (folder, _) = split(path)
            guard errno == ENOENT, folder != path else { return nil }
            path = folder
        }
        guard UInt32(truncatingIfNeeded: status.f_type) == userSpaceType else {
            return name(ofType: Int(status.f_type))
        }
        var file = stat()
        guard unsafe stat(path, &file) == 0, let mounts = mounts() else { return nil }
        return userSpaceName(device: UInt64(file.st_dev), mounts: mounts)
    }

    /// The text of `/proc/self/mountinfo`, which has no length and is read as far as it goes; nil where it is not there.
    private static func mounts() -> String? {
        let path = "/proc/self/mountinfo"
        guard let descriptor = try? FileDescriptor(opening: path, flags: O_RDONLY, verb: "open") else { return nil }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while bytes.count < 16 << 20 {
            let count = unsafe read(descriptor.rawValue, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The name of a network file system that is a program's, by the device of a file on it.
    ///
    /// - Parameter mounts: `/proc/self/mountinfo`. See: 'man 5 proc'.
    package static func userSpaceName(device: UInt64, mounts: String) -> String? {
        // See: 'man 3 makedev'.
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 6, fields[2] == "\(major):\(minor)", let dash = fields.firstIndex(of: "-"),
                dash + 1 < fields.count
            else { continue }
            let type = fields[dash + 1]
            guard type.hasPrefix("fuse."), userSpaceNames.contains(String(type.dropFirst(5))) else { continue }
            return String(type)
        }
        return nil
    }
}
