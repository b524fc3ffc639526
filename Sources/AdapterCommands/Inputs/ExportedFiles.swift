internal import AdapterFormat
internal import AdapterInterchange
internal import FileSystem
internal import Integrity

/// The files that an adapter is exported as, without exporting it.
enum ExportedFiles {
    /// The digests of the files of the PEFT folder, by name.
    static func digests(of file: AdapterFile) throws -> [String: Digest] {
        let scratch = GlobalOptions.environment("TMPDIR") ?? "/tmp"
        // Never committed, so it goes with the end of this function.
        let folder = try PEFT.prepare(
            file.adapter, asFolder: "\(scratch)/adapterctl-export-\(file.contentRoot.hexadecimal)")
        return try withExtendedLifetime(folder) {
            var digests: [String: Digest] = [:]
            for name in try Directory.files(below: folder.temporaryPath) {
                let input = try InputFile(opening: "\(folder.temporaryPath)/\(name)")
                var hasher = SHA256()
                try input.forEachPiece(in: 0..<input.byteCount) { hasher.update($0) }
                digests[name] = hasher.finalize()
            }
            return digests
        }
    }
}
