import Logging
import NIOCore
import NIOSSL
import ServiceLifecycle
import Synchronization
import UnixSignals

/// The server's certificate and key, read again when the process gets SIGHUP; connections that are open keep theirs.
final class ServerCertificate: Sendable {
    private let chainPath: String
    private let keyPath: String
    private let current: Mutex<Pair>

    private struct Pair: Sendable {
        let chain: [NIOSSLCertificateSource]
        let key: NIOSSLPrivateKeySource

        var configuration: TLSConfiguration { .makeServerConfiguration(certificateChain: chain, privateKey: key) }

        var override: NIOSSLContextConfigurationOverride {
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = chain
            override.privateKey = key
            return override
        }
    }

    /// - Throws: ``ServerError`` with code `certificate`.
    init(chain: String, key: String) throws {
        chainPath = chain
        keyPath = key
        current = Mutex(try ServerCertificate.read(chain, key))
    }

    /// Reads the files again; while they cannot be used the last ones count.
    ///
    /// - Throws: ``ServerError`` with code `certificate`.
    func reload() throws {
        let fresh = try ServerCertificate.read(chainPath, keyPath)
        current.withLock { $0 = fresh }
    }

    /// What connections are set up with.
    var configuration: TLSConfiguration {
        var configuration = current.withLock(\.configuration)
        configuration.minimumTLSVersion = .tlsv12
        configuration.sslContextCallback = { [self] _, promise in promise.succeed(current.withLock(\.override)) }
        return configuration
    }

    private static func read(_ chainPath: String, _ keyPath: String) throws -> Pair {
        do {
            let pair = Pair(
                chain: try NIOSSLCertificate.fromPEMFile(chainPath).map { .certificate($0) },
                key: .privateKey(try NIOSSLPrivateKey(file: keyPath, format: .pem)))
            // Throws when they do not belong together.
            _ = try NIOSSLContext(configuration: pair.configuration)
            return pair
        } catch {
            throw ServerError(
                .certificate,
                "Unable to use the certificate '\(chainPath)' with the key '\(keyPath)': \(error). Both must be PEM files "
                    + "that belong together.")
        }
    }
}

/// Reads a certificate again whenever the process is told to.
struct CertificateReloading: Service {
    let certificate: ServerCertificate
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            do {
                try certificate.reload()
                logger.notice("read the certificate again")
            } catch {
                logger.error("The certificate stays as it was", metadata: ["error": "\(error)"])
            }
        }
    }
}
