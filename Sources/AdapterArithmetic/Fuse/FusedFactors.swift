import Adapters
import LinearAlgebra
import Tensors

/// The factors of one tensor's low-rank summands, stacked, in binary32 and in the order in which the tensor is stored.
struct FusedFactors: Sendable {
    /// What is added to one matrix: left · right.
    struct Slice: Sendable {
        /// rows × inner, row-major, with all coefficients.
        var left: [Float] = []
        /// inner × columns, row-major.
        var right: [Float] = []
        /// The source's factor for each output; empty when it has none.
        var gains: [Float] = []
    }

    /// The sum of the ranks.
    let inner: Int
    let slices: [Slice]

    /// Reads the factors of a change, and its source where DoRA needs norms.
    ///
    /// - Throws: ``ArithmeticError`` with code `nonFinite` or `overflow`, and what reading throws.
    init(_ change: WeightChange) throws {
        var inner = 0
        var slices = [Slice](repeating: Slice(), count: change.layout.slices)
        let parts = try change.terms.map { term in
            try (0..<change.layout.slices).map { try Part(term, slice: $0, of: change) }
        }
        for index in slices.indices {
            let all = parts.map { $0[index] }
            inner = all.reduce(0) { $0 + $1.inner }
            if change.hasGains {
                slices[index].gains = [Float](repeating: 1, count: change.layout.outputs)
            }
            let scaled = try zip(change.terms, all).map { term, part in
                guard let magnitude = term.magnitude else { return part }
                let gains = try DoRAGains.gains(term, magnitude, part: part, slice: index, of: change)
                for (output, gain) in gains.enumerated() {
                    // The adapter's effect is weight · (gain · (W + ΔW) − W).
                    slices[index].gains[output] += Float(term.weight * (gain - 1))
                }
                return part.scalingOutputs(by: gains.map { term.weight * $0 }, change.layout)
            }
            slices[index].left = Part.sideBySide(scaled, rows: change.layout.rows)
            slices[index].right = scaled.flatMap(\.right)
        }
        self.inner = inner
        self.slices = slices
    }

    /// One summand of one matrix.
    struct Part: Sendable {
        let inner: Int
        /// rows × inner, row-major.
        var left: [Float]
        /// inner × columns, row-major.
        var right: [Float]

        /// Reads a slice of an update's factors; the scaling, and the weight unless DoRA needs ΔW as it was trained, go to
        /// B.
        init(_ term: WeightChange.Term, slice: Int, of change: WeightChange) throws {
            let layout = try SliceLayout(term.update, module: term.module)
            let index = term.target.slice ?? slice
            inner = term.update.rank / term.update.groupCount
            let outputs = term.target.outputs ?? 0..<layout.rows
            let coefficient = (term.magnitude == nil ? term.weight : 1) * term.update.scaling
            let a = try Part.values(term.update.a, index, layout.count, term, "A")
            var b = try Part.values(term.update.b, index, layout.count, term, "B")
            b = Array(b[outputs.lowerBound * inner..<outputs.upperBound * inner])
            let scaledB = b.map { Float(coefficient * $0) }
            guard scaledB.allSatisfy(\.isFinite) else {
                throw ArithmeticError(
                    .overflow,
                    "Unable to fuse '\(term.label)': weight times scaling times B of the module '\(term.module)' exceeds "
                        + "binary32. Use a smaller weight.", module: term.module)
            }
            let floatA = a.map { Float($0) }
            guard change.layout.isTransposed else {
                (left, right) = (scaledB, floatA)
                return
            }
            left = Part.transposed(floatA, rows: inner, columns: layout.columns)
            right = Part.transposed(scaledB, rows: outputs.count, columns: inner)
        }

        /// The part with each output multiplied.
        func scalingOutputs(by factors: [Double], _ layout: StoredLayout) -> Part {
            var scaled = self
            if layout.isTransposed {
                for index in scaled.right.indices {
                    scaled.right[index] = Float(Double(scaled.right[index]) * factors[index % layout.columns])
                }
            } else {
                for index in scaled.left.indices {
                    scaled.left[index] = Float(Double(scaled.left[index]) * factors[index / inner])
                }
            }
            return scaled
        }

        /// The left factors of several parts as one.
        static func sideBySide(_ parts: [Part], rows: Int) -> [Float] {
            guard parts.count != 1 else { return parts[0].left }
            var all: [Float] = []
            all.reserveCapacity(parts.reduce(0) { $0 + $1.left.count })
            for row in 0..<rows {
                for part in parts { all += part.left[row * part.inner..<(row + 1) * part.inner] }
            }
            return all
        }

        private static func values(
            _ tensor: Tensor, _ slice: Int, _ count: Int, _ term: WeightChange.Term, _ name: String
        ) throws -> [Double] {
            let size = tensor.shape.elementCount / count
            let values = try tensor.doubles(in: slice * size..<(slice + 1) * size)
            try ArithmeticError.requireFinite(
                values, verb: "fuse", label: term.label, module: term.module, tensor: name)
            return values
        }

        private static func transposed(_ values: [Float], rows: Int, columns: Int) -> [Float] {
            var result = [Float](repeating: 0, count: values.count)
            for row in 0..<rows {
                for column in 0..<columns { result[column * rows + row] = values[row * columns + column] }
            }
            return result
        }
    }
}

/// Keeps the factors of the tensors that are being read.
///
/// Pieces of neighbouring tensors are read at the same time, so a few are kept; memory does not grow with the model.
final class FusedFactorsCache: Sendable {
    fileprivate static let capacity = max(4, Concurrent.workerCount)

    fileprivate struct State {
        /// Those held, the one that was asked for last at the end.
        var ready: [(index: Int, factors: FusedFactors)] = []
        var computing: Set<Int> = []
    }

    private let changes: [WeightChange]
    private let state = Monitor(State())

    init(_ changes: [WeightChange]) { self.changes = changes }

    /// The change and its factors; who needs the same wait for whoever computes them, the others do not.
    func factors(of index: Int) throws -> (WeightChange, FusedFactors) {
        let held = state.wait { $0.take(index) }
        if let held { return (changes[index], held) }
        let result = Result { try FusedFactors(changes[index]) }
        state.change { $0.finish(index, result) }
        return (changes[index], try result.get())
    }
}

extension FusedFactorsCache.State {
    /// The factors, where they are held; nil within where the caller is to compute them; nil to wait.
    mutating func take(_ index: Int) -> FusedFactors?? {
        if let place = ready.firstIndex(where: { $0.index == index }) {
            let found = ready.remove(at: place)
            ready.append(found)
            return found.factors
        }
        return computing.insert(index).inserted ? .some(nil) : nil
    }

    mutating func finish(_ index: Int, _ result: Result<FusedFactors, any Error>) {
        computing.remove(index)
        guard case .success(let factors) = result else { return }
        ready.append((index, factors))
        if ready.count > FusedFactorsCache.capacity { ready.removeFirst() }
    }
}
