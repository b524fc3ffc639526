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

    /// The name of the network file system that a path is on, or would be once it is made; nil for any other.
    public static func name(at path: String) -> String? {
        var path = path
        var status = statfs()
        while unsafe statfs(path, &status) != 0 {
            let (folder, _) = split(path)
            guard errno == ENOENT, folder != path else { return nil }
            path = folder
        }
        return name(ofType: Int(status.f_type))
    }
}
