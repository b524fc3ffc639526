extension Concurrent {
    /// Work that flows: inputs are drawn one after the other, transformed by all processors, and handed over in the
    /// order in which they were drawn.
    ///
    /// - Parameters:
    ///   - ahead: how many inputs or results may be in memory; by default two a processor.
    ///   - next: the next input, nil at the end; called by one thread at a time.
    ///   - consume: takes the results in order; called by one thread at a time.
    /// - Throws: the error that belongs to the earliest input; nothing is drawn after an error.
    package static func flow<Input: Sendable, Output: Sendable>(
        workerCount: Int = Concurrent.workerCount, ahead: Int? = nil, next: () throws -> Input?,
        transform: @Sendable (Input) throws -> Output, consume: (Output) throws -> Void
    ) throws {
        let state = Monitor(FlowState<Output>(ahead: max(1, ahead ?? 2 * workerCount)))
        // Each is called by one thread at a time, as the state says.
        nonisolated(unsafe) let (draw, hand) = (next, consume)
        withoutActuallyEscaping(transform) { transform in
            unsafe withoutActuallyEscaping(draw) { draw in
                unsafe withoutActuallyEscaping(hand) { hand in
                    nonisolated(unsafe) let (draw, hand) = (draw, hand)
                    Threads.run(max(1, workerCount)) {
                        while let step = state.wait({ $0.nextStep() }) {
                            switch step {
                            case .consume(let index, let output):
                                let result = Result { try unsafe hand(output) }
                                state.change { $0.consumed(index, result) }
                            case .draw(let index):
                                let drawn = Result { try unsafe draw() }
                                state.change { $0.drawn(index, drawn) }
                                guard case .success(let input?) = drawn else { continue }
                                let result = Result { try transform(input) }
                                state.change { $0.transformed(index, result) }
                            }
                        }
                    }
                }
            }
        }
        if let failure = state.change({ $0.failure }) { throw failure.error }
    }
}

/// Where a flow stands.
private struct FlowState<Output> {
    enum Step {
        case draw(Int)
        case consume(Int, Output)
    }

    /// How many inputs may be drawn before the first of them is consumed.
    let ahead: Int
    private var drawnCount = 0
    private var consumedCount = 0
    private var isDrawing = false
    private var isConsuming = false
    private var isAtEnd = false
    private var ready: [Int: Output] = [:]
    private(set) var failure: (index: Int, error: any Error)?

    init(ahead: Int) { self.ahead = ahead }

    /// What a free thread does next: nil to wait, nil within to end.
    mutating func nextStep() -> Step?? {
        if failure != nil { return .some(nil) }
        if !isConsuming, let output = ready.removeValue(forKey: consumedCount) {
            isConsuming = true
            return .consume(consumedCount, output)
        }
        if isAtEnd { return consumedCount == drawnCount ? .some(nil) : nil }
        guard !isDrawing, drawnCount - consumedCount < ahead else { return nil }
        isDrawing = true
        return .draw(drawnCount)
    }

    mutating func drawn<Input>(_ index: Int, _ result: Result<Input?, any Error>) {
        isDrawing = false
        switch result {
        case .success(.some): drawnCount += 1
        case .success(nil): isAtEnd = true
        case .failure(let error): fail(index, error)
        }
    }

    mutating func transformed(_ index: Int, _ result: Result<Output, any Error>) {
        switch result {
        case .success(let output): ready[index] = output
        case .failure(let error): fail(index, error)
        }
    }

    mutating func consumed(_ index: Int, _ result: Result<Void, any Error>) {
        isConsuming = false
        consumedCount += 1
        if case .failure(let error) = result { fail(index, error) }
    }

    private mutating func fail(_ index: Int, _ error: any Error) {
        if let failure, failure.index <= index { return }
        failure = (index, error)
    }
}
