public import ByteCoding
public import Tensors

/// A set of adapted modules over a base model: the unit that is stored, merged and served.
///
/// Tensors are read when they are asked for, so an adapter larger than memory is an ordinary value.
public struct Adapter: Sendable {
    /// The largest number of modules.
    public static let maximumModuleCount = 65_536

    /// The base model.
    public var base: BaseModel
    /// The adapted modules, ascending by the bytes of their names, no name twice.
    public let modules: [AdaptedModule]
    /// Settings that change what the adapter does and that no module holds, such as aLoRA's invocation tokens. Part of
    /// the identity.
    public var behaviour: [String: MetadataValue]
    /// What people say about the adapter. Not part of the identity.
    public var notes: AdapterNotes

    /// Creates an adapter; modules may come in any order.
    ///
    /// - Throws: ``AdapterError`` with code `duplicateName` or `limitExceeded`.
    public init(
        base: BaseModel, modules: [AdaptedModule], behaviour: [String: MetadataValue] = [:],
        notes: AdapterNotes = AdapterNotes()
    ) throws {
        guard modules.count <= Adapter.maximumModuleCount else {
            throw AdapterError(
                .limitExceeded, "The adapter has \(modules.count) modules, \(Adapter.maximumModuleCount) are possible.")
        }
        self.base = base
        self.modules = try Adapter.sorted(modules)
        self.behaviour = behaviour
        self.notes = notes
    }

    private static func sorted(_ modules: [AdaptedModule]) throws -> [AdaptedModule] {
        // What a file holds is in order already.
        let areASCIIAndAscending = modules.indices.allSatisfy { index in
            modules[index].name.utf8.allSatisfy { $0 < 0x80 }
                && (index == 0 || modules[index - 1].name.precedesInUTF8(modules[index].name))
        }
        if areASCIIAndAscending { return modules }
        // A set, not neighbours: names that differ only in their Unicode normalisation may lie far apart, yet Swift takes
        // them for equal, and so would every dictionary by name.
        var names: Set<String> = []
        for module in modules where !names.insert(module.name).inserted {
            throw AdapterError(
                .duplicateName, "The adapter has the module '\(module.name)' twice.", module: module.name)
        }
        return modules.sorted { $0.name.precedesInUTF8($1.name) }
    }

    /// The module of that name, compared by bytes.
    ///
    /// - Complexity: O(log n).
    public func module(named name: String) -> AdaptedModule? {
        var (low, high) = (0, modules.count)
        while low < high {
            let middle = (low + high) / 2
            if modules[middle].name.precedesInUTF8(name) { low = middle + 1 } else { high = middle }
        }
        return low < modules.count && modules[low].name.utf8.elementsEqual(name.utf8) ? modules[low] : nil
    }

    /// The modules that have a low-rank update.
    public var updates: [(name: String, update: LowRankUpdate)] {
        modules.compactMap { module in module.update.map { (module.name, $0) } }
    }

    /// The distinct ranks of the low-rank updates, ascending.
    public var ranks: [Int] { Set(updates.map(\.update.rank)).sorted() }

    /// The distinct alphas of the low-rank updates, ascending.
    public var alphas: [Double] { Set(updates.map(\.update.alpha)).sorted() }

    /// The element types of all tensors, ascending by their numbers.
    public var dtypes: [DType] {
        Set(modules.flatMap { $0.tensors.map(\.tensor.dtype) }).sorted { $0.rawValue < $1.rawValue }
    }

    /// The number of trained values in all tensors.
    public var parameterCount: Int {
        modules.reduce(0) { total, module in
            total + module.tensors.reduce(0) { $0 + $1.tensor.shape.elementCount }
        }
    }

    /// The size of all tensors in bytes, uncompressed.
    public var tensorByteCount: Int {
        modules.reduce(0) { total, module in total + module.tensors.reduce(0) { $0 + $1.tensor.byteCount } }
    }

    /// The last components of the adapted modules' paths, ascending: `q_proj`, `v_proj`, ….
    public var targetModules: [String] {
        Set(updates.map { String($0.name.split(separator: ".").last ?? "") }).sorted { $0.precedesInUTF8($1) }
    }
}
