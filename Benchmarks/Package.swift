// swift-tools-version: 6.2
import PackageDescription

// Outside the default build: nothing here is needed to build, test or use adapterctl.
let package = Package(
    name: "adapterctl-benchmarks",
    dependencies: [.package(name: "adapterctl", path: "..")],
    targets: [
        .executableTarget(
            name: "FormatBenchmark",
            dependencies: [.product(name: "AdapterFormat", package: "adapterctl")]),
        .executableTarget(
            name: "RegistryFill",
            dependencies: [
                .product(name: "AdapterRegistry", package: "adapterctl"),
                .product(name: "Adapters", package: "adapterctl"),
                .product(name: "Integrity", package: "adapterctl"),
            ]),
    ]
)
