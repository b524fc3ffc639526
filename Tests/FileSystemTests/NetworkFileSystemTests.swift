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
}
