import AdapterTesting
import FileSystem
import Testing

@Suite struct NetworkFileSystemTests {
    // The numbers are those of linux/magic.h.
    @Test(arguments: [
        (0x6969, "NFS"), (0xFF53_4D42, "CIFS"), (0xFE53_4D42, "SMB2"), (0x517B, "SMB"), (0x00C3_6400, "Ceph"),
    ])
    func `File systems that machines share are known by their numbers`(_ type: Int, _ name: String) {
        #expect(NetworkFileSystem.name(ofType: type) == name)
        // The kernel's number may come sign-extended.
        #expect(NetworkFileSystem.name(ofType: Int(Int32(truncatingIfNeeded: type))) == name)
    }

    @Test(arguments: [0xEF53, 0x0102_1994, 0x5846_5342, 0x9123_683E, 0x794C_7630, 0x2FC1_2FC1])
    func `Local file systems are not`(_ type: Int) {
        #expect(NetworkFileSystem.name(ofType: type) == nil)
    }

    @Test func `A path that does not exist yet is where its folder is`() throws {
        try withTemporaryDirectory { folder throws in
            #expect(NetworkFileSystem.name(at: "\(folder)/a/b/c") == NetworkFileSystem.name(at: folder))
        }
    }

    @Test(arguments: [
        (UInt64(0x34), "fuse.sshfs"), (0x35, nil), (0x36, nil), (0x0010_0137, "fuse.rclone"), (0x38, nil),
        (0x39, nil),
    ])
    func `Of programs' file systems those of remote storage are`(_ device: UInt64, _ name: String?) {
        let mounts = """
            22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
            40 22 0:52 / /mnt/a\\040b rw,nosuid shared:20 master:3 - fuse.sshfs user@host:/ rw,user_id=0
            41 22 0:53 / /mnt/local rw - fuse.bindfs /data rw
            42 22 0:54 / /mnt/ntfs rw - fuseblk /dev/sdb1 rw
            43 22 1:311 / /mnt/remote rw - fuse.rclone remote: rw
            44 22 0:56 / /mnt/cut -
            45 22
            """
        #expect(NetworkFileSystem.userSpaceName(device: device, mounts: mounts) == name)
    }
}
