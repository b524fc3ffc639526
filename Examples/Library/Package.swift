// swift-tools-version: 6.2
import PackageDescription

// A program that uses the libraries as any other would: the tutorial of Sources/AdapterRegistry/AdapterRegistry.docc.
// Scripts/document builds and runs it.
let package = Package(
    name: "Library",
    dependencies: [.package(name: "adapterctl", path: "../..")],
    targets: [
        .executableTarget(
            name: "Library",
            dependencies: [
                .product(name: "AdapterArithmetic", package: "adapterctl"),
                .product(name: "AdapterFormat", package: "adapterctl"),
                .product(name: "AdapterInterchange", package: "adapterctl"),
                .product(name: "AdapterRegistry", package: "adapterctl"),
                .product(name: "Adapters", package: "adapterctl"),
                .product(name: "Tensors", package: "adapterctl"),
            ])
    ]
)
