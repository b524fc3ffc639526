package import Adapters

/// What a low-rank update of a layer is to be.
package struct UpdateSpecification: Hashable, Sendable {
    /// The linear layer: its layer of the model and its place there, in the order of ``TransformerWeights/Layer/linears``.
    package struct Place: Hashable, Sendable, Comparable {
        package let layer: Int
        package let linear: Int

        package init(layer: Int, linear: Int) {
            self.layer = layer
            self.linear = linear
        }

        /// The order in which layers are computed.
        package static func < (left: Place, right: Place) -> Bool {
            (left.layer, left.linear) < (right.layer, right.linear)
        }

        /// The group of layers with the same input, and the place among them.
        var group: (index: Int, member: Int) {
            switch linear {
            case 0...2: (0, linear)
            case 3: (1, 0)
            case 4, 5: (2, linear - 4)
            default: (3, 0)
            }
        }
    }

    package var place: Place
    package var name: String
    package var inputCount: Int
    package var outputCount: Int
    package var rank: Int
    package var alpha: Double
    package var scalingRule: ScalingRule
    /// Whether the layer's outputs have magnitudes of their own (DoRA).
    package var hasMagnitude = false

    package init(
        place: Place, name: String, inputCount: Int, outputCount: Int, rank: Int, alpha: Double,
        scalingRule: ScalingRule = .alphaOverRank
    ) {
        self.place = place
        self.name = name
        self.inputCount = inputCount
        self.outputCount = outputCount
        self.rank = rank
        self.alpha = alpha
        self.scalingRule = scalingRule
    }

    /// The factor s of s · B · A.
    package var scaling: Double { scalingRule.scaling(alpha: alpha, rank: rank) }
    /// The number of elements of A and B.
    package var elementCount: Int { rank * (inputCount + outputCount) + (hasMagnitude ? outputCount : 0) }
}

/// The factors A and B of many layers in one piece of memory and, when they are trained, gradients and the optimizer's
/// moments beside them.
///
/// The A of layers with a common input lie one below the other, as ``LowRankRun`` wants them.
package final class LowRankUpdates<Element: ComputeElement> {
    /// The update of one layer.
    package struct Update: Sendable {
        package let specification: UpdateSpecification
        /// The elements of A and of B within the whole.
        package let aRange: Range<Int>
        package let bRange: Range<Int>
        /// Those of the magnitudes; empty without.
        package let magnitudeRange: Range<Int>
    }

    /// The updates in the order of their layers.
    package let updates: [Update]
    /// Whether there are gradients and moments.
    package let isTrained: Bool
    /// The number of elements of all A and B.
    package let elementCount: Int
    /// The memory taken, in bytes.
    package var byteCount: Int { arena.byteCount }
    /// All A and B, a matrix of one row; so are the others.
    package let values: MatrixView<Element>
    package let gradients: MatrixView<Element>
    package let firstMoments: MatrixView<Element>
    package let secondMoments: MatrixView<Element>
    /// Squares, norms and ratios of all magnitudes, see ``Magnitude``.
    private let norms: [MatrixView<Element>]
    private let arena: Arena<Element>

    /// Takes memory for updates of distinct layers; all elements are 0.
    ///
    /// - Throws: ``TrainingError`` with code `outOfMemory`.
    package init(_ specifications: [UpdateSpecification], isTrained: Bool) throws {
        let sorted = specifications.sorted { $0.place < $1.place }
        var updates: [Update] = []
        var start = 0
        var index = 0
        while index < sorted.count {
            // The layers of a group: first all A, then all B.
            let first = sorted[index].place
            let members = sorted[index...].prefix {
                $0.place.layer == first.layer && $0.place.group.index == first.group.index
            }
            var b = start + members.reduce(0) { $0 + $1.rank * $1.inputCount }
            var magnitude = b + members.reduce(0) { $0 + $1.rank * $1.outputCount }
            for member in members {
                let a = start..<start + member.rank * member.inputCount
                let magnitudes = magnitude..<magnitude + (member.hasMagnitude ? member.outputCount : 0)
                updates.append(
                    Update(
                        specification: member, aRange: a, bRange: b..<b + member.rank * member.outputCount,
                        magnitudeRange: magnitudes))
                start = a.upperBound
                b += member.rank * member.outputCount
                magnitude = magnitudes.upperBound
            }
            start = magnitude
            index += members.count
        }
        self.updates = updates
        self.isTrained = isTrained
        elementCount = start
        let magnitudeCount = updates.reduce(0) { $0 + $1.magnitudeRange.count }
        var views: [MatrixView<Element>]?
        arena = try Arena(
            { layout in
                (0..<(isTrained ? 4 : 1)).map { _ in layout.matrix(1, start) }
                    + (0..<3).map { _ in layout.matrix(1, magnitudeCount) }
            }, result: &views)
        guard let views else { throw TrainingError(.outOfMemory, "Unable to lay out the memory of the updates.") }
        values = views[0]
        gradients = isTrained ? views[1] : views[0]
        firstMoments = isTrained ? views[2] : views[0]
        secondMoments = isTrained ? views[3] : views[0]
        norms = Array(views.suffix(3))
    }

    /// An update's A, [r, in].
    package func a(_ update: Update) -> MatrixView<Element> { a(update, in: values) }
    /// An update's B, [out, r].
    package func b(_ update: Update) -> MatrixView<Element> { b(update, in: values) }

    /// A's part of ``values``, ``gradients`` or a moment.
    package func a(_ update: Update, in memory: MatrixView<Element>) -> MatrixView<Element> {
        unsafe MatrixView(
            base: memory.columns(update.aRange).base, rows: update.specification.rank,
            columns: update.specification.inputCount)
    }

    /// B's part of ``values``, ``gradients`` or a moment.
    package func b(_ update: Update, in memory: MatrixView<Element>) -> MatrixView<Element> {
        unsafe MatrixView(
            base: memory.columns(update.bRange).base, rows: update.specification.outputCount,
            columns: update.specification.rank)
    }

    /// An update's magnitudes; nil without.
    package func magnitude(_ number: Int) -> Magnitude<Element>? {
        let range = updates[number].magnitudeRange
        guard !range.isEmpty else { return nil }
        let start = updates[..<number].reduce(0) { $0 + $1.magnitudeRange.count }
        let own = norms.map { $0.columns(start..<start + range.count) }
        return Magnitude(
            values: values.columns(range), gradient: isTrained ? gradients.columns(range) : nil, squares: own[0],
            norms: own[1], ratios: own[2])
    }

    /// The runs of each group of each layer, none where nothing is updated.
    package func runs(layerCount: Int) -> [[[LowRankRun<Element>]]] {
        var members = [[[Int]]](repeating: [[], [], [], []], count: layerCount)
        for (number, update) in updates.enumerated() {
            let place = update.specification.place
            members[place.layer][place.group.index].append(number)
        }
        return members.map { $0.map { $0.isEmpty ? [] : [run($0)] } }
    }

    private func run(_ members: [Int]) -> LowRankRun<Element> {
        let updates = members.map { self.updates[$0] }
        var inner = 0
        let parts = zip(members, updates).map { number, update in
            defer { inner += update.specification.rank }
            return LowRankRun<Element>.Part(
                linear: update.specification.place.group.member, inner: inner..<inner + update.specification.rank,
                b: b(update), bGradient: isTrained ? b(update, in: gradients) : nil,
                scaling: Element(update.specification.scaling), magnitude: magnitude(number), number: number)
        }
        func all(_ memory: MatrixView<Element>) -> MatrixView<Element> {
            let range = updates[0].aRange.lowerBound..<updates[updates.count - 1].aRange.upperBound
            return unsafe MatrixView(
                base: memory.columns(range).base, rows: inner, columns: updates[0].specification.inputCount)
        }
        return LowRankRun(a: all(values), aGradient: isTrained ? all(gradients) : nil, parts: parts, memory: arena)
    }
}

extension Array {
    /// The runs of several sets of updates together.
    func runs<Number>(layerCount: Int) -> [[[LowRankRun<Number>]]] where Element == LowRankUpdates<Number> {
        map { $0.runs(layerCount: layerCount) }
            .reduce([[[LowRankRun<Number>]]](repeating: [[], [], [], []], count: layerCount)) { all, others in
                zip(all, others).map { zip($0, $1).map { $0 + $1 } }
            }
    }
}
