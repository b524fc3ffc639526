import Adapters
import Synchronization
import Tensors

/// Computes modules when their tensors are read.
///
/// For a reader that goes from one module to the next, some are computed ahead, side by side, and held until it has gone
/// past them. So a writer that reads A and then B in small ranges causes one computation, and memory does not grow with
/// the adapter.
final class ComputationEngine: Sendable {
    /// How many modules are computed at a time, for each processor.
    private static let modulesPerProcessor = 4
    /// How many elements their updates may have together; the first may have more.
    private static let elementLimit = 1 << 23

    /// What to compute, in the adapter's order.
    let plans: [any ModuleComputation]

    private struct State {
        var ready: [Int: ComputedModule] = [:]
        var certificates: [Int: ErrorCertificate.Module] = [:]
        /// Where a reader that goes on asks next.
        var next: Int?
    }

    private let state = Mutex(State())

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
        ErrorCertificate(
            modules: try plans.indices.map { index in
                if let known = state.withLock({ $0.certificates[index] }) { return known }
                return try module(index).certificate
            })
    }

    private func module(_ index: Int) throws -> ComputedModule {
        // Under the lock, so that two readers of one module do not both compute it.
        try state.withLock { state in
            if let module = state.ready[index] { return module }
            state.ready = [:]
            let batch =
                state.next == index ? batch(from: index, known: state.certificates) : index..<index + 1
            state.next = batch.upperBound
            // What fails ahead of the reader fails again, and is reported, when the reader comes to it.
            let results = try Concurrent.map(Array(batch)) { index in Result { try plans[index].computed() } }
            for (index, result) in zip(batch, results) {
                guard case .success(let module) = result else { continue }
                state.ready[index] = module
                state.certificates[index] = module.certificate
            }
            guard let first = results.first else { return try plans[index].computed() }
            return try first.get()
        }
    }

    /// The module and some after it, up to one that is known or works better alone.
    private func batch(from index: Int, known: [Int: ErrorCertificate.Module]) -> Range<Int> {
        var end = index + 1
        var elementCount = plans[index].elementCount
        let limit = ComputationEngine.modulesPerProcessor * Concurrent.workerCount
        while end < plans.count, end - index < limit, known[end] == nil, !plans[end].usesAllProcessors,
            !plans[index].usesAllProcessors
        {
            let (sum, overflow) = elementCount.addingReportingOverflow(plans[end].elementCount)
            guard !overflow, sum <= ComputationEngine.elementLimit else { break }
            elementCount = sum
            end += 1
        }
        return index..<end
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
