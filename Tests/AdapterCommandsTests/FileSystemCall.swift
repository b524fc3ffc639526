import Foundation

/// A call that changed a file, as `CFaultInjection` traces it.
enum FileSystemCall: Equatable {
    case create(inode: String, path: String, isFolder: Bool)
    case write(inode: String, offset: Int, bytes: [UInt8])
    case cut(inode: String, length: Int)
    case flush(inode: String)
    case move(String, String)
    case link(String, String)
    case remove(String)

    /// The calls of a trace, in order: lines of words separated by tabs, behind each write its bytes.
    static func trace(_ text: [UInt8]) -> [FileSystemCall]? {
        var calls: [FileSystemCall] = []
        var rest = text[...]
        while let end = rest.firstIndex(of: 10) {
            let words = String(decoding: rest[..<end], as: UTF8.self).split(separator: "\t").map(String.init)
            rest = rest[(end + 1)...]
            switch (words.first, words.count) {
            case ("create", 3): calls.append(.create(inode: words[1], path: words[2], isFolder: false))
            case ("folder", 3): calls.append(.create(inode: words[1], path: words[2], isFolder: true))
            case ("write", 4):
                guard let offset = Int(words[2]), let count = Int(words[3]), count <= rest.count else { return nil }
                calls.append(.write(inode: words[1], offset: offset, bytes: Array(rest.prefix(count))))
                rest = rest.dropFirst(count)
            case ("cut", 3):
                guard let length = Int(words[2]) else { return nil }
                calls.append(.cut(inode: words[1], length: length))
            case ("flush", 2): calls.append(.flush(inode: words[1]))
            case ("move", 3): calls.append(.move(words[1], words[2]))
            case ("link", 3): calls.append(.link(words[1], words[2]))
            case ("remove", 2): calls.append(.remove(words[1]))
            default: return nil
            }
        }
        return rest.isEmpty ? calls : nil
    }
}
