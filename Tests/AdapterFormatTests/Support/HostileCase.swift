import AdapterFormat
import Testing

/// A file that breaks one rule and is sealed otherwise, and the code with which it must be refused.
struct HostileCase: Sendable, CustomTestStringConvertible {
    var name: String
    /// Nil for a file that is valid, if unusual.
    var code: String?
    var codec: WritingCodec
    /// Whether opening must refuse it already, without a look at the data.
    var isRefusedWhenOpened: Bool
    var edit: @Sendable (inout SpecFile) throws -> Void

    var testDescription: String { name }

    init(
        _ name: String, _ code: FormatError.Code?, codec: WritingCodec = .zstd, whenOpened: Bool = true,
        _ edit: @escaping @Sendable (inout SpecFile) throws -> Void
    ) {
        self.name = name
        self.code = code?.description
        self.codec = codec
        isRefusedWhenOpened = whenOpened
        self.edit = edit
    }

    /// Makes the file and compares what becomes of it.
    func check() throws {
        var file = try specFile(codec)
        try edit(&file)
        try withFile(file.sealed()) { path in
            let opened = failure { _ = try AdapterFile(opening: path) }
            if isRefusedWhenOpened {
                #expect(opened == code, "\(name): \(message(path) ?? "accepted")")
                return
            }
            #expect(opened == nil, "\(name): \(message(path) ?? "")")
            let verified = failure { _ = try AdapterFile(opening: path).verify() }
            #expect(verified == code, "\(name): \(message(path) ?? "accepted")")
        }
    }

    private func message(_ path: String) -> String? {
        do {
            _ = try AdapterFile(opening: path).verify()
            return nil
        } catch {
            return "\(error)"
        }
    }
}
