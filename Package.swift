// swift-tools-version: 6.2
// The house of Apus: arrows point down only. README.md says what it is, ARCHITECTURE.md how it hangs together.
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// A library target of ours; its folder is `Sources/<name>`.
func library(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(
        name: name, dependencies: dependencies, exclude: ["README.md"],
        swiftSettings: settings)
}

/// The tests of one target; its folder is `Tests/<name>`.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "apus",
    products: [.executable(name: "apus", targets: ["apus"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.0"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    ],
    targets: [
        // MARK: L4: the program
        .executableTarget(name: "apus", dependencies: ["KubeCluster"], swiftSettings: settings),
        library(
            "KubeCluster",
            [
                "KubeBase", "KubeBuild", "KubeWire", "KubeCrypto", "KubeNet", "KubeOS", "KubeModel", "KubeAPI",
                "KubeStore", "KubeServer", "KubeResources", "KubeClient", "KubeControllers", "KubeScheduler", "KubeNode",
                "KubeProxy", "KubeDNS", "KubeIngress", "KubeCtl",
            ]),

        // MARK: L3: clients; they know the API, never the server
        library("KubeControllers", ["KubeBase", "KubeWire", "KubeCrypto", "KubeModel", "KubeAPI", "KubeClient"]),
        library("KubeScheduler", ["KubeBase", "KubeWire", "KubeModel", "KubeAPI", "KubeClient"]),
        library(
            "KubeNode",
            [
                "KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeOS", "KubeModel", "KubeAPI", "KubeClient",
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        library("KubeProxy", ["KubeBase", "KubeWire", "KubeNet", "KubeOS", "KubeModel", "KubeAPI", "KubeClient"]),
        library("KubeDNS", ["KubeBase", "KubeWire", "KubeNet", "KubeModel", "KubeAPI", "KubeClient"]),
        library(
            "KubeIngress", ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeAPI", "KubeClient"]),
        library("KubeCtl", ["KubeBase", "KubeWire", "KubeNet", "KubeOS", "KubeModel", "KubeAPI", "KubeClient"]),

        // MARK: L2: the two halves, which meet only in L1 types and requests
        library(
            "KubeResources",
            ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeCEL", "KubeAPI", "KubeServer"]),
        library(
            "KubeServer",
            ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeCEL", "KubeAPI", "KubeStore"]),
        library("KubeStore", ["KubeBase", "KubeWire", "CSQLite"]),
        library("KubeClient", ["KubeBase", "KubeWire", "KubeNet", "KubeModel", "KubeAPI"]),

        // MARK: L1: the language of Kubernetes, no I/O
        library("KubeAPI", ["KubeBase", "KubeWire", "KubeModel"]),
        library("KubeCEL", ["KubeBase", "KubeWire", "KubeModel"]),
        library("KubeModel", ["KubeBase", "KubeWire"]),

        // MARK: L0: know nothing of Kubernetes
        library(
            "KubeNet",
            [
                "KubeBase", "KubeWire", "KubeCrypto", "CZlib",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTP2", package: "swift-nio-http2"),
                .product(name: "NIOHPACK", package: "swift-nio-http2"),
            ]),
        library(
            "KubeCrypto",
            [
                "KubeBase", "KubeWire",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "_CryptoExtras", package: "swift-crypto"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ]),
        library("KubeOS", ["KubeBase", "KubeWire", "CKubeOS", "CNFTables"]),
        library("KubeWire", ["KubeBase", "CYAML"]),
        library("KubeBase", [.product(name: "Logging", package: "swift-log")]),
        .target(name: "KubeBuild", exclude: ["README.md"], swiftSettings: settings, plugins: ["BuildStamp"]),
        .plugin(name: "BuildStamp", capability: .buildTool()),

        tests(
            "ControllersOnServerTests",
            [
                "KubeBase", "KubeWire", "KubeCrypto", "KubeModel", "KubeAPI", "KubeStore", "KubeServer", "KubeResources",
                "KubeClient", "KubeControllers",
            ]),
        tests("KubeClientTests", ["KubeBase", "KubeWire", "KubeModel", "KubeNet", "KubeClient"]),
        tests(
            "KubeControllersTests",
            ["KubeBase", "KubeWire", "KubeModel", "KubeAPI", "KubeClient", "KubeControllers"]),
        tests(
            "KubeNodeTests",
            ["KubeBase", "KubeWire", "KubeOS", "KubeModel", "KubeAPI", "KubeClient", "KubeNode"]),
        tests("KubeOSTests", ["KubeWire", "KubeOS"]),
        tests("KubeClusterTests", ["KubeWire", "KubeCrypto", "KubeServer", "KubeCluster"]),
        tests("KubeCtlTests", ["KubeWire", "KubeCtl"]),
        tests("TidyTests", []),
        tests("KubeWireTests", ["KubeBase", "KubeWire"]),
        tests("KubeModelTests", ["KubeBase", "KubeWire", "KubeModel"]),
        tests("KubeCELTests", ["KubeBase", "KubeWire", "KubeModel", "KubeCEL"]),
        tests("KubeAPITests", ["KubeBase", "KubeWire", "KubeModel", "KubeAPI"]),
        tests("KubeStoreTests", ["KubeStore"]),
        tests(
            "KubeServerTests",
            ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeAPI", "KubeStore", "KubeServer"]),
        tests(
            "KubeResourcesTests",
            [
                "KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeAPI", "KubeStore", "KubeServer",
                "KubeResources",
            ]),
        tests("KubeProxyTests", ["KubeBase", "KubeWire", "KubeOS", "KubeModel", "KubeClient", "KubeProxy"]),
        tests("KubeSchedulerTests", ["KubeBase", "KubeWire", "KubeModel", "KubeClient", "KubeScheduler"]),
        tests("KubeDNSTests", ["KubeBase", "KubeWire", "KubeNet", "KubeModel", "KubeClient", "KubeDNS"]),
        tests(
            "KubeIngressTests",
            ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeAPI", "KubeClient", "KubeIngress"]),
        tests("KubeCryptoTests", ["KubeBase", "KubeWire", "KubeCrypto"]),
        tests(
            "KubeNetTests",
            [
                "KubeBase", "KubeWire", "KubeCrypto", "KubeNet", .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),

        // `make fuzz`: debug builds only, since it looks inside.
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "KubeBase", "KubeWire", "KubeModel", "KubeCEL", "KubeAPI", "KubeNet", "KubeDNS", "KubeServer",
                .product(name: "Logging", package: "swift-log"),
            ], path: "Tests/Fuzz", swiftSettings: settings),

        // MARK: C: headers only
        .target(name: "CKubeOS"),
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CNFTables", providers: [.apt(["libnftables-dev"])]),
    ]
)
