import AdapterTesting
import FileSystem
import Foundation
import Testing

@Suite struct ChangedFileTests {
    private func isChanged(_ check: () throws -> Void) throws -> Bool {
        do {
            try check()
            return false
        } catch let error as FileSystemError where error.code == .changed {
            return true
        }
    }

    @Test func `What was written to since it was opened is changed`() throws {
        try withTemporaryDirectory { folder in
            let url = URL(fileURLWithPath: folder + "/file")
            for change in ["nothing", "append", "overwrite", "truncate", "link", "mode", "replace"] {
                try Data("content".utf8).write(to: url)
                // Times of files advance in steps of some milliseconds.
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: 1e9)], ofItemAtPath: url.path)
                let file = try InputFile(opening: url.path)
                let handle = try FileHandle(forUpdating: url)
                switch change {
                case "append":
                    try handle.seekToEnd()
                    try handle.write(contentsOf: Data("more".utf8))
                case "overwrite": try handle.write(contentsOf: Data("CONTENT".utf8))
                case "truncate": try handle.truncate(atOffset: 3)
                case "link": try FileManager.default.linkItem(atPath: url.path, toPath: folder + "/link")
                case "mode": try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: url.path)
                case "replace": try Data("content".utf8).write(to: url, options: .atomic)
                default: break
                }
                try handle.close()
                let isWritten = ["append", "overwrite", "truncate"].contains(change)
                #expect(try isChanged(file.checkUnchanged) == isWritten, "\(change)")
                #expect(try isChanged(file.checkUnchangedAtPath) == (isWritten || change == "replace"), "\(change)")
            }
        }
    }
}
