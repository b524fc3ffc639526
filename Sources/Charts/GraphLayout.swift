/// Where the nodes of a directed graph stand: in columns, so that steps lead to the right, and in an order within them
/// that lets few steps cross (Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
/// structures", 1981).
struct GraphLayout: Sendable {
    /// The points of each column from top to bottom: nodes, and behind them points that long steps pass through.
    let columns: [[Int]]
    /// The number of nodes and points.
    let pointCount: Int
    /// For each edge the points it passes, its ends included.
    let routes: [[Int]]

    /// The most points for long steps; beyond it they go straight.
    private static let pointLimit = 4000
    /// How often the order is improved.
    private static let sweepCount = 6

    init(nodeCount: Int, edges: [(Int, Int)]) {
        let layers = GraphLayout.layers(nodeCount, edges)
        var columns = [[Int]](repeating: [], count: (layers.max() ?? -1) + 1)
        for node in 0..<nodeCount { columns[layers[node]].append(node) }
        var pointCount = nodeCount
        var routes: [[Int]] = []
        for (from, to) in edges {
            var route = [from]
            let between = layers[from] + 1..<max(layers[from] + 1, layers[to])
            if pointCount + between.count <= nodeCount + GraphLayout.pointLimit {
                for layer in between {
                    columns[layer].append(pointCount)
                    route.append(pointCount)
                    pointCount += 1
                }
            }
            routes.append(route + [to])
        }
        self.columns = GraphLayout.ordered(columns, routes, pointCount)
        self.pointCount = pointCount
        self.routes = routes
    }

    /// The column of each node: behind all it comes from.
    private static func layers(_ nodeCount: Int, _ edges: [(Int, Int)]) -> [Int] {
        var targets = [[Int]](repeating: [], count: nodeCount)
        for (from, to) in edges where from != to { targets[from].append(to) }
        // Depth first on a stack of its own; what leads back into the branch would be a circle and does not count.
        var order: [Int] = []
        var state = [UInt8](repeating: 0, count: nodeCount)
        var isBackward: Set<[Int]> = []
        for root in 0..<nodeCount where state[root] == 0 {
            var stack = [(node: root, next: 0)]
            state[root] = 1
            while let (node, next) = stack.last {
                if next < targets[node].count {
                    stack[stack.count - 1].next += 1
                    let target = targets[node][next]
                    if state[target] == 1 { isBackward.insert([node, target]) }
                    if state[target] == 0 {
                        state[target] = 1
                        stack.append((target, 0))
                    }
                } else {
                    state[node] = 2
                    order.append(node)
                    stack.removeLast()
                }
            }
        }
        var layers = [Int](repeating: 0, count: nodeCount)
        for node in order.reversed() {
            for target in targets[node] where !isBackward.contains([node, target]) {
                layers[target] = max(layers[target], layers[node] + 1)
            }
        }
        return layers
    }

    /// The columns with each point near the mean of its neighbours, to and fro.
    private static func ordered(_ columns: [[Int]], _ routes: [[Int]], _ pointCount: Int) -> [[Int]] {
        var (before, after) = ([[Int]](repeating: [], count: pointCount), [[Int]](repeating: [], count: pointCount))
        for route in routes {
            for (from, to) in zip(route, route.dropFirst()) {
                after[from].append(to)
                before[to].append(from)
            }
        }
        var columns = columns
        var place = [Double](repeating: 0, count: pointCount)
        func number(_ column: [Int]) {
            for (index, point) in column.enumerated() { place[point] = (Double(index) + 0.5) / Double(column.count) }
        }
        columns.forEach(number)
        for sweep in 0..<sweepCount {
            let forward = sweep % 2 == 0
            for index in forward ? Array(columns.indices) : columns.indices.reversed() {
                let neighbours = forward ? before : after
                let keys = columns[index].enumerated().map { position, point -> (Double, Int, Int) in
                    let near = neighbours[point]
                    let mean = near.isEmpty ? place[point] : near.reduce(0) { $0 + place[$1] } / Double(near.count)
                    return (mean, position, point)
                }
                columns[index] = keys.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
                number(columns[index])
            }
        }
        return columns
    }
}
