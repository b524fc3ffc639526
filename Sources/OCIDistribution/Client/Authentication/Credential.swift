/// With what a user proves to a registry who they are.
public enum Credential: Hashable, Sendable, CustomStringConvertible {
    /// A name and a password, or a token in its place.
    case password(user: String, password: String)
    /// A token with which others are fetched.
    case refreshToken(String)
    /// A token that is sent as it is.
    case accessToken(String)

    /// What it is; never what it holds.
    public var description: String {
        switch self {
        case .password(let user, _): "the password of '\(user)'"
        case .refreshToken: "a refresh token"
        case .accessToken: "an access token"
        }
    }
}
