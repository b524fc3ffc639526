// swift-tools-version: 6.2
import PackageDescription

// One module per layer; a module imports only modules above it in this list.
// Reading the dependencies below is reading the architecture.

/// Settings of every Swift target.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),  // SE-0335
    .enableUpcomingFeature("InternalImportsByDefault"),  // SE-0409
    .enableUpcomingFeature("MemberImportVisibility"),  // SE-0444
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),  // SE-0461
    .enableUpcomingFeature("InferIsolatedConformances"),  // SE-0470
    .treatAllWarnings(as: .error),  // SE-0443
]

/// Libraries also spell out every unsafe construct (SE-0458).
let library: [SwiftSetting] = strict + [.strictMemorySafety()]

/// ByteCoding's cursor borrows the bytes it reads and cannot outlive them.
let borrowing: [SwiftSetting] = library + [.enableExperimentalFeature("Lifetimes")]

let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "adapterctl",
    products: [
        .executable(name: "adapterctl", targets: ["adapterctl"]),
        .library(name: "AdapterFormat", targets: ["AdapterFormat"]),
        .library(name: "AdapterInterchange", targets: ["AdapterInterchange"]),
        .library(name: "AdapterArithmetic", targets: ["AdapterArithmetic"]),
        .library(name: "AdapterRegistry", targets: ["AdapterRegistry"]),
        .library(name: "AdapterPictures", targets: ["AdapterPictures"]),
        .library(name: "OCIDistribution", targets: ["OCIDistribution"]),
        // What those speak of.
        .library(name: "Adapters", targets: ["Adapters"]),
        .library(name: "Tensors", targets: ["Tensors"]),
        .library(name: "ByteCoding", targets: ["ByteCoding"]),
        .library(name: "FileSystem", targets: ["FileSystem"]),
        .library(name: "Integrity", targets: ["Integrity"]),
        // Preloaded by tests, linked by nothing.
        .library(name: "FaultInjection", type: .dynamic, targets: ["CFaultInjection"]),
    ],
    dependencies: [
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    ],
    targets: [
        // Floor 0: system libraries.
        .systemLibrary(name: "CFileSystem"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CMalloc"),
        // And the few kernels that are measured to need C.
        .target(name: "CNumericKernels"),
        .target(name: "CPairedSHA256"),
        // Loads libcurl where a connection is made; needs its header to build.
        .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl")]),
        // Loads OpenBLAS where something is computed with it.
        .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("dl")]),

        // Floor 1: bytes, files, hashes, tensors, pictures of numbers.
        .target(name: "ByteCoding", swiftSettings: borrowing),
        .target(name: "FileSystem", dependencies: ["CFileSystem"], swiftSettings: library),
        .target(name: "Integrity", dependencies: ["COpenSSL", "CPairedSHA256"], swiftSettings: library),
        .target(name: "Tensors", dependencies: ["CNumericKernels"], swiftSettings: library),
        .target(name: "Charts", swiftSettings: library),

        // Floor 2: the domain and its linear algebra.
        .target(
            name: "LinearAlgebra", dependencies: ["CNumericKernels", "COpenBLAS", "Tensors"], swiftSettings: library),
        .target(name: "Adapters", dependencies: ["ByteCoding", "Integrity", "Tensors"], swiftSettings: library),

        // Floor 3: our file format, other people's files, and the arithmetic.
        .target(
            name: "AdapterFormat",
            dependencies: ["Adapters", "ByteCoding", "CZstd", "FileSystem", "Integrity", "Tensors"],
            swiftSettings: borrowing),
        .target(
            name: "AdapterInterchange",
            dependencies: ["Adapters", "ByteCoding", "CZlib", "FileSystem", "Integrity", "Tensors"],
            swiftSettings: borrowing),
        .target(
            name: "AdapterArithmetic",
            dependencies: ["Adapters", "ByteCoding", "CNumericKernels", "Integrity", "LinearAlgebra", "Tensors"],
            swiftSettings: library),

        // Floor 4: the registry.
        .target(
            name: "AdapterRegistry",
            dependencies: [
                "AdapterFormat", "Adapters", "ByteCoding", "FileSystem", "Integrity", "Tensors", grdb, yams,
            ],
            swiftSettings: library),

        // Floor 5: other machines.
        .target(
            name: "OCIDistribution",
            dependencies: [
                "AdapterFormat", "AdapterInterchange", "AdapterRegistry", "Adapters", "ByteCoding", "CCurl",
                "FileSystem",
                "Integrity", "Tensors",
            ],
            swiftSettings: library),

        .target(
            name: "AdapterTraining",
            dependencies: [
                "AdapterInterchange", "Adapters", "ByteCoding", "CNumericKernels", "FileSystem", "Integrity",
                "LinearAlgebra", "Tensors",
            ],
            swiftSettings: library),

        // Floor 5: adapters in pictures and reports.
        .target(
            name: "AdapterPictures",
            dependencies: [
                "AdapterArithmetic", "AdapterFormat", "AdapterRegistry", "AdapterTraining", "Adapters", "ByteCoding",
                "Charts", "Integrity", "Tensors",
            ],
            swiftSettings: library),

        // Floors 6 and 7: the command line.
        .target(
            name: "AdapterCommands",
            dependencies: [
                "AdapterArithmetic", "AdapterFormat", "AdapterInterchange", "AdapterPictures", "AdapterRegistry",
                "AdapterTraining", "Adapters", "ByteCoding", "Charts", "FileSystem", "Integrity", "OCIDistribution",
                "Tensors", argumentParser,
            ],
            swiftSettings: library),
        .executableTarget(
            name: "adapterctl", dependencies: ["AdapterCommands", "CMalloc", argumentParser],
            swiftSettings: library),

        // Tests mirror Sources.
        .target(name: "CFaultInjection"),
        .target(
            name: "AdapterTesting",
            dependencies: ["Adapters", "ByteCoding", "FileSystem", "Integrity", "Tensors"],
            path: "Sources/AdapterTesting", swiftSettings: strict),
        .testTarget(name: "ByteCodingTests", dependencies: ["AdapterTesting", "ByteCoding"], swiftSettings: strict),
        .testTarget(name: "FileSystemTests", dependencies: ["AdapterTesting", "FileSystem"], swiftSettings: strict),
        .testTarget(name: "IntegrityTests", dependencies: ["AdapterTesting", "Integrity"], swiftSettings: strict),
        .testTarget(name: "TensorsTests", dependencies: ["AdapterTesting", "Tensors"], swiftSettings: strict),
        .testTarget(name: "ChartsTests", dependencies: ["Charts"], swiftSettings: strict),
        .testTarget(
            name: "LinearAlgebraTests", dependencies: ["AdapterTesting", "LinearAlgebra"], swiftSettings: strict),
        .testTarget(
            name: "AdaptersTests", dependencies: ["AdapterTesting", "Adapters", "ByteCoding", "Integrity", "Tensors"],
            swiftSettings: strict),
        .testTarget(
            name: "AdapterFormatTests",
            dependencies: [
                "AdapterFormat", "AdapterTesting", "Adapters", "ByteCoding", "FileSystem", "Integrity", "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AdapterInterchangeTests",
            dependencies: [
                "AdapterInterchange", "AdapterTesting", "Adapters", "ByteCoding", "FileSystem", "Integrity", "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AdapterArithmeticTests",
            dependencies: [
                "AdapterArithmetic", "AdapterInterchange", "AdapterTesting", "Adapters", "ByteCoding",
                "CNumericKernels", "Integrity", "LinearAlgebra", "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AdapterRegistryTests",
            dependencies: [
                "AdapterFormat", "AdapterRegistry", "AdapterTesting", "Adapters", "FileSystem", "Integrity", "Tensors",
                grdb,
            ],
            swiftSettings: strict),
        .testTarget(
            name: "OCIDistributionTests",
            dependencies: [
                "AdapterFormat", "AdapterInterchange", "AdapterRegistry", "AdapterTesting", "Adapters", "ByteCoding",
                "FileSystem", "Integrity", "OCIDistribution", "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AdapterTrainingTests",
            dependencies: [
                "AdapterInterchange", "AdapterTesting", "AdapterTraining", "Adapters", "ByteCoding", "FileSystem",
                "Integrity", "LinearAlgebra", "Tensors",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AdapterPicturesTests",
            dependencies: [
                "AdapterArithmetic", "AdapterFormat", "AdapterPictures", "AdapterRegistry", "AdapterTesting",
                "AdapterTraining", "Adapters", "ByteCoding", "Charts", "Integrity",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "AdapterCommandsTests",
            dependencies: [
                "AdapterCommands", "AdapterFormat", "AdapterInterchange", "AdapterRegistry", "AdapterTesting",
                "AdapterTraining", "Adapters", "ByteCoding", "FileSystem", "Integrity", "Tensors", "adapterctl",
                argumentParser,
            ],
            swiftSettings: strict),
    ]
)
