/// How a client works.
public struct ClientOptions: Sendable {
    /// How servers are connected to.
    public var transport = TransportOptions()
    /// How often and when failed requests are repeated.
    public var retry = RetryPolicy()
    /// Whether registries are spoken to without TLS, whatever their references say.
    public var isPlain = false
    /// How many parts of one blob are fetched at the same time.
    public var connectionCount = 4
    /// The length of the parts in which a blob is fetched, in bytes.
    public var partByteCount = 32 << 20
    /// The most bytes of a blob that one request sends; nil for all of them, which every registry understands.
    public var chunkByteCount: Int?

    /// The defaults.
    public init() {}
}
