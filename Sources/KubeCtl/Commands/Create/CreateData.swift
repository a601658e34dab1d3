// `create configmap` and `create secret`.

import Glibc
import KubeModel
import KubeWire

enum CreateData {
    private static let sources: [Flag] = [
        Flag("from-literal", .list(commas: false), "A key and literal value (mykey=somevalue)."),
        Flag("from-file", .list(commas: false), "A file, key=file, or a directory."),
        Flag("from-env-file", .list(commas: false), "A file with lines of key=val pairs."),
        Flag("append-hash", .bool, "Append a hash of the content to the name."),
    ]

    static let configMap: Command = CreateKind.command(
        "configmap", aliases: ["cm"], "Create a config map from a local file, directory or literal value",
        usage: "NAME [--from-file=[key=]source] [--from-literal=key1=value1]", flags: sources
    ) { i in
        var object: JSON = [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(try CreateKind.name(i))],
        ]
        for (key, bytes) in try entries(i) {
            guard object.data[key].isNull, object.binaryData[key].isNull else {
                throw UsageError("cannot add key \"\(key)\", another key by that name already exists in Data for ConfigMap \"\(object.meta.name)\"")
            }
            if let text = String(validating: bytes, as: UTF8.self) {
                object.data[key] = .string(text)
            } else {
                object.binaryData[key] = .string(Base64.encode(bytes))
            }
        }
        return object
    }

    static let secret: Command = {
        var c: Command = Command("secret", "Create a secret using a specified subcommand")
        c.usage = "(docker-registry | generic | tls)"
        c.subcommands = [
            CreateKind.command(
                "generic", "Create a secret from a local file, directory, or literal value",
                usage: "NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1]",
                flags: sources + [Flag("type", .string, "The type of secret to create.")]
            ) { i in
                try secret(i, type: i.flags.string("type"), entries(i))
            },
            CreateKind.command(
                "tls", "Create a TLS secret", usage: "NAME --cert=path/to/cert/file --key=path/to/key/file",
                flags: [
                    Flag("cert", .string, "Path to PEM encoded public key certificate."),
                    Flag("key", .string, "Path to private key associated with given certificate."),
                ]
            ) { i in
                try secret(
                    i, type: "kubernetes.io/tls",
                    [
                        ("tls.crt", try readFile(i.flags.string("cert"))), ("tls.key", try readFile(i.flags.string("key"))),
                    ])
            },
            CreateKind.command(
                "docker-registry", "Create a secret for use with a Docker registry",
                usage: "NAME --docker-username=user --docker-password=password --docker-email=email",
                flags: [
                    Flag("docker-server", .string, preset: "https://index.docker.io/v1/", "Server location for Docker registry."),
                    Flag("docker-username", .string, "Username for Docker registry authentication."),
                    Flag("docker-password", .string, "Password for Docker registry authentication."),
                    Flag("docker-email", .string, "Email for Docker registry."),
                ]
            ) { i in
                let user: String = i.flags.string("docker-username")
                let password: String = i.flags.string("docker-password")
                if user.isEmpty || password.isEmpty {
                    throw UsageError("either --from-file or the combination of --docker-username, --docker-password and --docker-server is required")
                }
                var entry: JSON = ["username": .string(user), "password": .string(password)]
                if i.flags.has("docker-email") { entry.email = .string(i.flags.string("docker-email")) }
                entry.auth = .string(Base64.encode(Array("\(user):\(password)".utf8)))
                let config: JSON = ["auths": .object(JSONObject([(i.flags.string("docker-server"), entry)]))]
                return try secret(i, type: "kubernetes.io/dockerconfigjson", [(".dockerconfigjson", config.encoded())])
            },
        ]
        return c
    }()

    private static func secret(_ i: Invocation, type: String, _ entries: [(String, [UInt8])]) throws -> JSON {
        var object: JSON = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": .string(try CreateKind.name(i))],
        ]
        for (key, bytes) in entries { object.data[key] = .string(Base64.encode(bytes)) }
        if !type.isEmpty { object.type = .string(type) }
        return object
    }

    private static func entries(_ i: Invocation) throws -> [(String, [UInt8])] {
        var out: [(String, [UInt8])] = []
        for (key, value) in try CreateKind.pairs(i.flags.list("from-literal"), flag: "from-literal") {
            out.append((key, Array(value.utf8)))
        }
        for source in i.flags.list("from-file") {
            let parts: [Substring] = source.split(separator: "=", maxSplits: 1)
            let path: String = String(parts[parts.count - 1])
            if parts.count == 1, let names = folder(path) {
                for name in names { out.append((name, try readFile("\(path)/\(name)"))) }
            } else {
                let file: String = path.split(separator: "/").last.map { String($0) } ?? path
                guard access(path, F_OK) == 0 else { throw UsageError("error reading \(path): no such file or directory") }
                out.append((parts.count == 2 ? String(parts[0]) : file, try readFile(path)))
            }
        }
        for path in i.flags.list("from-env-file") {
            for line in String(decoding: try readFile(path), as: UTF8.self).split(separator: "\n") {
                let text: Substring = line.drop { $0 == " " }
                if text.isEmpty || text.hasPrefix("#") { continue }
                let pair: [Substring] = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                out.append((String(pair[0]), Array((pair.count == 2 ? pair[1] : "").utf8)))
            }
        }
        return out
    }

    /// Names of the plain files of a folder; nil when `path` is none.
    private static func folder(_ path: String) -> [String]? {
        guard let stream = opendir(path) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            guard entry.pointee.d_type == UInt8(DT_REG) || entry.pointee.d_type == UInt8(DT_LNK) else { continue }
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names.sorted()
    }
}
