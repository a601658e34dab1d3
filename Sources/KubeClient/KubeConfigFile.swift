// Kubeconfig files: where they are, how several are merged, and how one is edited without losing anything.

import KubeWire

extension KubeConfig {
    /// nil when there is no such file. An empty file is an empty configuration.
    package static func load(path: String) throws(KubeConfigError) -> KubeConfig? {
        guard let bytes = try LocalFile.read(path) else { return nil }
        let document: JSON
        do {
            document = try YAML.parse(String(decoding: bytes, as: UTF8.self)).first ?? .null
        } catch {
            throw KubeConfigError("error loading config file \"\(path)\": \(error)")
        }
        guard document.exists else { return KubeConfig() }
        guard document.asObject != nil else {
            throw KubeConfigError(
                "error loading config file \"\(path)\": it holds a \(document.typeName), not a Config")
        }
        return KubeConfig(json: document)
    }

    /// `KUBECONFIG` (several paths with `:`), else `~/.kube/config`.
    package static func paths(environment: [String: String]) -> [String] {
        let given: [String] = (environment["KUBECONFIG"] ?? "").split(separator: ":").map { String($0) }
        if !given.isEmpty { return given }
        return [(environment["HOME"] ?? "/root") + "/.kube/config"]
    }

    /// Where new entries are written: the first of `paths` that exists, else the last.
    package static func editedPath(environment: [String: String]) -> String {
        let all: [String] = paths(environment: environment)
        for path in all where ((try? LocalFile.read(path)) ?? nil) != nil { return path }
        return all.last!
    }

    /// All files merged, file references made absolute. `explicit` (`--kubeconfig`) must exist.
    package static func load(environment: [String: String], explicit: String = "") throws(KubeConfigError) -> KubeConfig
    {
        if !explicit.isEmpty {
            guard let config = try load(path: explicit) else {
                throw KubeConfigError("stat \(explicit): no such file or directory")
            }
            return config.resolvingPaths(in: folder(of: explicit))
        }
        var merged: KubeConfig = KubeConfig()
        for path in paths(environment: environment) {
            if let one = try load(path: path) { merged.merge(one.resolvingPaths(in: folder(of: path))) }
        }
        return merged
    }

    /// Reads the file (or starts an empty one), changes it and replaces it atomically.
    package static func edit(path: String, _ change: (inout KubeConfig) -> Void) throws(KubeConfigError) {
        let old: KubeConfig? = try load(path: path)
        var config: KubeConfig = old ?? KubeConfig()
        change(&config)
        if let old, old.json == config.json { return }
        try LocalFile.replace(path, Array(YAML.write(config.json).utf8))
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private func resolvingPaths(in folder: String) -> KubeConfig {
        var config: KubeConfig = self
        func resolve(_ list: String, _ member: String, _ names: [String]) {
            for i in config.json[list].elements.indices {
                for name in names {
                    let path: String = config.json[list][i][member][name].text
                    if !path.isEmpty, !path.hasPrefix("/") {
                        config.json[list][i][member][name] = .string(folder + "/" + path)
                    }
                }
            }
        }
        resolve("clusters", "cluster", ["certificate-authority"])
        resolve("users", "user", ["client-certificate", "client-key", "tokenFile"])
        return config
    }
}
