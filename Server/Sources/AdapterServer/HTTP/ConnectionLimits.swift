import NIOCore

/// How long a connection may stand still.
public struct ConnectionLimits: Hashable, Sendable {
    /// For the head of a request, from the opening of the connection or from the last answer on, in seconds.
    public var headSeconds = 60.0
    /// For ``minimumProgress`` bytes of a body, and for the client to take some of an answer, in seconds.
    public var bodySeconds = 30.0
    /// What must come of a body in that time, in bytes.
    public var minimumProgress = 1024
    /// For the rest of a body that is not wanted, in seconds.
    public var lingeringSeconds = 5.0

    /// The defaults.
    public init() {}

    var head: TimeAmount { .milliseconds(Int64(headSeconds * 1000)) }
    var body: TimeAmount { .milliseconds(Int64(bodySeconds * 1000)) }
    var lingering: TimeAmount { .milliseconds(Int64(lingeringSeconds * 1000)) }
}
