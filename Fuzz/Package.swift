// swift-tools-version: 6.2
import PackageDescription

// The fuzzer is a package of its own, so that nobody builds it by accident, and compiles the library's own sources
// (Sources/* are links): everything is instrumented, internals are within reach, and no dependency is fetched.
// Build it with Scripts/fuzz, which passes --sanitize=fuzzer.

/// The settings of the root package. The flags let the targets reach what the library does not publish, and specialise
/// generics across modules, which halves the time of an execution.
let library: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableExperimentalFeature("Lifetimes"),
    .strictMemorySafety(),
    .unsafeFlags(["-enable-testing", "-cross-module-optimization"]),
]

let package = Package(
    name: "Fuzz",
    targets: [
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto"),
        .target(name: "ByteCoding", swiftSettings: library),
        .systemLibrary(name: "CFileSystem"),
        .target(name: "FileSystem", dependencies: ["CFileSystem"], swiftSettings: library),
        .target(name: "CPairedSHA256"),
        .target(name: "Integrity", dependencies: ["COpenSSL", "CPairedSHA256"], swiftSettings: library),
        .target(name: "CNumericKernels"),
        .target(name: "Tensors", dependencies: ["CNumericKernels"], swiftSettings: library),
        .target(name: "Adapters", dependencies: ["ByteCoding", "Integrity", "Tensors"], swiftSettings: library),
        .target(
            name: "AdapterFormat",
            dependencies: ["Adapters", "ByteCoding", "CZstd", "FileSystem", "Integrity", "Tensors"],
            swiftSettings: library),
        .target(
            name: "AdapterInterchange",
            dependencies: ["Adapters", "ByteCoding", "CZlib", "FileSystem", "Integrity", "Tensors"],
            swiftSettings: library),

        // What counts allocations must not be instrumented: libFuzzer's hooks allocate.
        .target(name: "CFuzzer", cSettings: [.unsafeFlags(["-fno-sanitize=fuzzer,fuzzer-no-link"])]),
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "AdapterFormat", "AdapterInterchange", "Adapters", "ByteCoding", "CFuzzer", "FileSystem", "Integrity",
                "Tensors",
            ],
            swiftSettings: [
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                .unsafeFlags(["-parse-as-library"]),
            ]),
    ]
)
