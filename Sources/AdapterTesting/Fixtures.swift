import FileSystem

/// The adapters and oracles under `fixtures/data`.
public enum Fixtures {
    /// The folder `fixtures/data` of this checkout.
    public static let directory: String = {
        let components = #filePath.split(separator: "/").dropLast(3)
        return "/" + components.joined(separator: "/") + "/fixtures/data"
    }()

    /// The folder of an adapter written by PEFT.
    public static func peft(_ name: String) -> String { "\(directory)/peft/\(name)" }

    /// The paths below `fixtures/data/peft` of all adapters written by PEFT, named ones in subfolders included.
    public static func peftNames() throws -> [String] {
        try Directory.names(in: "\(directory)/peft").flatMap { name in
            let nested = try Directory.names(in: peft(name)).filter {
                Directory.kind(of: "\(peft(name))/\($0)") == .directory
            }
            return [name] + nested.map { "\(name)/\($0)" }
        }
    }
}
