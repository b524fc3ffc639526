// swift-tools-version: 6.2
import PackageDescription

// The server is a package of its own: `swift build` and `swift test` of the root package neither fetch nor compile
// SwiftNIO. It uses the registry through its public interface only, as any other program would.
// Build it with Scripts/build-server, test it with Scripts/test-server.

/// The settings of the root package but for NonisolatedNonsendingByDefault: Hummingbird hands out values that are not
/// sendable and have asynchronous functions, which only functions without an isolation may call.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .treatAllWarnings(as: .error),
]
let library: [SwiftSetting] = strict + [.strictMemorySafety()]

/// A library of the root package.
func root(_ product: String) -> Target.Dependency { .product(name: product, package: "adapterctl") }

let package = Package(
    name: "adapterd",
    products: [.executable(name: "adapterd", targets: ["adapterd"])],
    dependencies: [
        .package(name: "adapterctl", path: ".."),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        .target(
            name: "AdapterServer",
            dependencies: [
                root("AdapterFormat"), root("AdapterInterchange"), root("AdapterPictures"), root("AdapterRegistry"),
                root("Adapters"), root("ByteCoding"),
                root("FileSystem"), root("Integrity"), root("OCIDistribution"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: library),
        .executableTarget(
            name: "adapterd",
            dependencies: [
                "AdapterServer", root("AdapterRegistry"), root("ByteCoding"), root("FileSystem"), root("Integrity"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: library),
        .testTarget(
            name: "AdapterServerTests",
            dependencies: [
                "AdapterServer", "adapterd", root("AdapterFormat"), root("AdapterInterchange"), root("AdapterRegistry"),
                root("Adapters"), root("FileSystem"), root("Integrity"), root("OCIDistribution"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: strict),
    ]
)
