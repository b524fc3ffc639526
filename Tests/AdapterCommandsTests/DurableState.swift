import Foundation

/// What a disk holds of a folder: what was flushed, apart from what a process sees.
///
/// Follows the trace of `CFaultInjection`. Strict, as POSIX allows a file system to be: bytes survive a loss of power when
/// their file was flushed after them, names when their folder was.
final class DurableState {
    private final class Node {
        let isFolder: Bool
        var bytes: [UInt8] = []
        var durableBytes: [UInt8] = []
        var entries: [String: Node] = [:]
        var durableEntries: [String: Node] = [:]

        init(isFolder: Bool) { self.isFolder = isFolder }

        func flush() {
            durableBytes = bytes
            durableEntries = entries
        }
    }

    private let root: String
    private let top: Node
    private var nodes: [String: Node] = [:]

    /// Takes a folder as it is for durable.
    init(root: String) throws {
        self.root = root
        top = Node(isFolder: true)
        try read(root, into: top)
    }

    private func read(_ path: String, into folder: Node) throws {
        nodes[try DurableState.inode(of: path)] = folder
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            let child = "\(path)/\(name)"
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: child, isDirectory: &isFolder)
            let node = Node(isFolder: isFolder.boolValue)
            folder.entries[name] = node
            if node.isFolder {
                try read(child, into: node)
            } else {
                node.bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: child)))
                nodes[try DurableState.inode(of: child)] = node
                node.flush()
            }
        }
        folder.flush()
    }

    private static func inode(of path: String) throws -> String {
        let number = try FileManager.default.attributesOfItem(atPath: path)[.systemFileNumber] as? NSNumber
        return number?.description ?? ""
    }

    /// The folder of a path and the name in it; nil for what lies elsewhere.
    private func place(_ path: String) -> (folder: Node, name: String)? {
        // By parts: SQLite spells paths without empty ones.
        let above = root.split(separator: "/")
        let whole = path.split(separator: "/")
        guard whole.starts(with: above) else { return nil }
        var parts = whole.dropFirst(above.count).map(String.init)
        guard let name = parts.popLast() else { return nil }
        var folder = top
        for part in parts {
            guard let next = folder.entries[part] else { return nil }
            folder = next
        }
        return (folder, name)
    }

    /// Does what a call did.
    func apply(_ call: FileSystemCall) {
        switch call {
        case .create(let inode, let path, let isFolder):
            guard let place = place(path) else { return }
            let node = Node(isFolder: isFolder)
            nodes[inode] = node
            place.folder.entries[place.name] = node
        case .write(let inode, let offset, let bytes):
            guard let node = nodes[inode] else { return }
            node.bytes += [UInt8](repeating: 0, count: max(0, offset + bytes.count - node.bytes.count))
            node.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        case .cut(let inode, let length):
            guard let node = nodes[inode] else { return }
            node.bytes = Array(node.bytes.prefix(length))
            node.bytes += [UInt8](repeating: 0, count: length - node.bytes.count)
        case .flush(let inode): nodes[inode]?.flush()
        case .move(let old, let new):
            guard let from = place(old), let to = place(new) else { return }
            to.folder.entries[to.name] = from.folder.entries[from.name]
            from.folder.entries[from.name] = nil
        case .link(let old, let new):
            guard let from = place(old), let to = place(new) else { return }
            to.folder.entries[to.name] = from.folder.entries[from.name]
        case .remove(let path):
            guard let place = place(path) else { return }
            place.folder.entries[place.name] = nil
        }
    }

    /// Writes what is durable.
    func write(to path: String) throws { try write(top, to: path) }

    private func write(_ folder: Node, to path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for (name, node) in folder.durableEntries {
            if node.isFolder {
                try write(node, to: "\(path)/\(name)")
            } else {
                try Data(node.durableBytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
            }
        }
    }
}
