import Adapters
import Tensors

/// Computes modules when their tensors are read.
///
/// Each thread that reads computes the module that it needs, and whoever needs the same one waits for it. The last few
/// are held, so a writer that reads A and then B in small ranges causes one computation, and memory does not grow with
/// the adapter.
final class ComputationEngine: Sendable {
    /// How many modules are held for each processor: those of the chunks that a writer has under way.
    fileprivate static let modulesPerProcessor = 4
    /// How many bytes they may have together, beyond one for each processor.
    fileprivate static let byteLimit = 1 << 26
    /// Updates of more elements are computed one at a time.
    private static let elementLimit = 1 << 23

    /// What to compute, in the adapter's order.
    let plans: [any ModuleComputation]

    fileprivate struct State {
        /// Those held, the one that was asked for last at the end.
        var ready: [(index: Int, module: ComputedModule)] = []
        var computing: Set<Int> = []
        /// Whether one that is computed alone is among them.
        var isAlone = false
        var certificates: [Int: ErrorCertificate.Module] = [:]
    }

    private let state = Monitor(State())

    init(plans: [any ModuleComputation]) {
        self.plans = plans
    }

    /// A range of the bytes of one factor.
    func bytes(ofPlan index: Int, factor: ComputedFactor.Side, in range: Range<Int>) throws -> [UInt8] {
        let module = try module(index)
        let bytes = factor == .a ? module.a : module.b
        return range == 0..<bytes.count ? bytes : Array(bytes[range])
    }

    /// What all modules lost; computes those that were not computed yet.
    func certificate() throws -> ErrorCertificate {
        let known = state.change { $0.certificates }
        return ErrorCertificate(
            modules: try Concurrent.map(Array(plans.indices)) { index in
                try known[index] ?? self.module(index).certificate
            })
    }

    private func module(_ index: Int) throws -> ComputedModule {
        let isAlone = plans[index].usesAllProcessors || plans[index].elementCount > ComputationEngine.elementLimit
        let held = state.wait { $0.take(index, alone: isAlone) }
        if let held { return held }
        let result = Result { try plans[index].computed() }
        state.change { $0.finish(index, result) }
        return try result.get()
    }
}

extension ComputationEngine.State {
    /// The module, where it is held; nil within where the caller is to compute it; nil to wait.
    mutating func take(_ index: Int, alone: Bool) -> ComputedModule?? {
        if let place = ready.firstIndex(where: { $0.index == index }) {
            let found = ready.remove(at: place)
            ready.append(found)
            return found.module
        }
        guard !computing.contains(index), !isAlone, !alone || computing.isEmpty else { return nil }
        computing.insert(index)
        isAlone = alone
        return .some(nil)
    }

    mutating func finish(_ index: Int, _ result: Result<ComputedModule, any Error>) {
        computing.remove(index)
        isAlone = false
        guard case .success(let module) = result else { return }
        certificates[index] = module.certificate
        ready.append((index, module))
        var byteCount = ready.reduce(0) { $0 + $1.module.byteCount }
        while ready.count > ComputationEngine.modulesPerProcessor * Concurrent.workerCount
            || (ready.count > Concurrent.workerCount && byteCount > ComputationEngine.byteLimit)
        {
            byteCount -= ready.removeFirst().module.byteCount
        }
    }
}

extension ComputedModule {
    fileprivate var byteCount: Int { a.count + b.count }
}

/// One factor of a computed module as a source of bytes.
struct ComputedFactor: TensorSource {
    enum Side: Sendable { case a, b }

    let engine: ComputationEngine
    let plan: Int
    let side: Side

    func bytes(in range: Range<Int>) throws -> [UInt8] {
        try engine.bytes(ofPlan: plan, factor: side, in: range)
    }
}
