import Adapters
import Synchronization
import Tensors

/// Computes modules when their tensors are read.
///
/// Holds the factors of the module that was computed last and the certificates of all that were. So a writer that
/// reads A and then B in small ranges causes one computation, and memory does not grow with the adapter.
final class ComputationEngine: Sendable {
    /// What to compute, in the adapter's order.
    let plans: [any ModuleComputation]

    private struct State {
        var latest: (index: Int, module: ComputedModule)?
        var certificates: [Int: ErrorCertificate.Module] = [:]
    }

    private let state = Mutex(State())

    init(plans: [any ModuleComputation]) {
        self.plans = plans
    }

    /// A range of the bytes of one factor.
    func bytes(ofPlan index: Int, factor: ComputedFactor.Side, in range: Range<Int>) throws -> [UInt8] {
        let module = try module(index)
        return Array(factor == .a ? module.a[range] : module.b[range])
    }

    /// What all modules lost; computes those that were not computed yet.
    func certificate() throws -> ErrorCertificate {
        ErrorCertificate(
            modules: try plans.indices.map { index in
                if let known = state.withLock({ $0.certificates[index] }) { return known }
                return try module(index).certificate
            })
    }

    private func module(_ index: Int) throws -> ComputedModule {
        // Under the lock, so that two readers of one module do not both compute it.
        try state.withLock { state in
            if let latest = state.latest, latest.index == index { return latest.module }
            state.latest = nil
            let module = try plans[index].computed()
            state.latest = (index, module)
            state.certificates[index] = module.certificate
            return module
        }
    }
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
