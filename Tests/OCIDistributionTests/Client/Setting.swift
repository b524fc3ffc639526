import AdapterRegistry
import AdapterTesting
import FileSystem
import OCIDistribution
import Synchronization

/// A client of a scripted peer that does not wait between attempts but notes how long it would have.
struct Setting {
    let peer: ScriptedPeer
    let client: RegistryClient
    let pauses = Pauses()
    static let name = "team/adapter"

    final class Pauses: Sendable {
        private let list = Mutex<[Duration]>([])
        var all: [Duration] { list.withLock { $0 } }
        func add(_ pause: Duration) { list.withLock { $0.append(pause) } }
    }

    init(
        credential: Credential? = nil, options change: (inout ClientOptions) -> Void = { _ in },
        _ script: @escaping ScriptedPeer.Script
    ) throws {
        peer = try ScriptedPeer(script)
        var options = ClientOptions()
        options.retry = RetryPolicy(wait: pauses.add)
        options.transport.stallTimeout = .seconds(2)
        options.transport.documentTimeout = .seconds(5)
        change(&options)
        client = try RegistryClient(
            RegistryHost(parsing: peer.host), credentials: nil, credential: credential, options: options)
    }

    var repository: RepositoryName {
        get throws { try RepositoryName(parsing: Setting.name) }
    }
}

/// Counts what happens on several threads.
final class Counter: Sendable {
    private let count = Atomic(0)
    /// The number of calls before this one.
    func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }
    var value: Int { count.load(ordering: .relaxed) }
    func add(_ value: Int) { count.wrappingAdd(value, ordering: .relaxed) }
}

/// Where a peer is, for its own script, which is made before that is known.
final class HomeAddress: Sendable {
    private let value = Mutex("")
    var text: String {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}

/// Bytes that differ everywhere.
func sampleBytes(_ count: Int, seed: UInt64 = 7) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return generator.bytes(count)
}

/// Answers a request for a blob as the specification says, ranges too.
func honestBlob(_ request: PeerRequest, _ bytes: [UInt8]) -> PeerAnswer {
    guard let text = request.headers["range"] else { return PeerAnswer(200, [], bytes) }
    guard let range = RangeRequest(parsing: text)?.resolved(byteCount: bytes.count) else { return PeerAnswer(416) }
    return PeerAnswer(
        206, [("Content-Range", ContentRange(range, of: bytes.count).description)], Array(bytes[range]))
}

/// The error that a piece of work ends in.
func ociError(_ body: () throws -> Void) -> OCIError? {
    do {
        try body()
        return nil
    } catch {
        return error as? OCIError
    }
}
