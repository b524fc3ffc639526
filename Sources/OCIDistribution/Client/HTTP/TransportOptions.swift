/// How servers are connected to.
public struct TransportOptions: Sendable {
    /// A file with certificates in PEM of authorities that are trusted besides the system's.
    public var authorityFile: String?
    /// How long connecting may take.
    public var connectTimeout: Duration = .seconds(30)
    /// How long nothing may move.
    public var stallTimeout: Duration = .seconds(60)
    /// How long the exchange of a document may take.
    public var documentTimeout: Duration = .seconds(120)
    /// How long a server may take to complete an upload.
    public var completionTimeout: Duration = .seconds(900)
    /// How this program introduces itself.
    public var userAgent = "adapterctl"

    /// The defaults.
    public init() {}
}
