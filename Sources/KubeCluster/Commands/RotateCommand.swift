// `apus rotate`: new keys for what the server encrypts and signs.

import KubeOS
import KubeWire

enum RotateCommand {
    static let flags: [String: Bool] = ["name": true, "root": true, "data": true]

    static func run(_ arguments: [String]) throws {
        let flags: Flags = try Flags(arguments, known: Self.flags, command: "rotate")
        let (state, pki): (String, String)
        if let data = flags["data"] {
            (state, pki) = (data, "\(data)/pki")
        } else {
            let paths: ClusterPaths = try Location.paths(flags)
            (state, pki) = (paths.serverState, paths.pki)
        }
        switch flags.words.first {
        case "encryption":
            let file: String = EncryptionConfiguration.path(state)
            guard Files.exists(file) else { throw ClusterError("there is no \(file)") }
            var configuration: EncryptionConfiguration = try EncryptionConfiguration(yaml: try Files.text(file))
            let name: String = configuration.rotate()
            try configuration.save(file)
            Output.print(
                """
                \(file): \(name) encrypts from now on; a running server writes what older keys have encrypted again, \
                others do at their start.
                """)
        case "tokens":
            guard Files.exists("\(pki)/sa.key") else { throw ClusterError("there is no \(pki)/sa.key") }
            try Credentials.rotateAccountKey(pki)
            Output.print("\(pki)/sa.key: signs service accounts' tokens from the server's next start on; tokens of before stay good.")
        default: throw ClusterError("say what to rotate: apus rotate encryption, or apus rotate tokens")
        }
    }
}
