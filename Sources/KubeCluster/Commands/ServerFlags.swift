// Flags of the API server that `apus up` takes too and keeps with the cluster.

import Glibc

enum ServerFlags {
    /// By name, as `apus server` knows them.
    static let flags: [String: Bool] = [
        "encryption-provider-config": true, "service-account-signing-key-file": true, "service-account-key-file": true,
    ].merging(PressureSettings.flags) { mine, _ in mine }.merging(AdmissionFlags.flags) { mine, _ in mine }
        .merging(ReviewerFlags.flags) { mine, _ in mine }.merging(IngressFlags.flags) { mine, _ in mine }

    /// Whose values are files; the server does not run in the caller's folder.
    private static func isPath(_ name: String) -> Bool {
        name.hasSuffix("-file") || name.hasSuffix("-path")
            || ["authentication-config", "authorization-config", "encryption-provider-config"].contains(name)
    }

    /// What the cluster's server gets from now on: `stored`, changed by those given; an empty value takes one back.
    static func merged(_ stored: [String: String], _ given: Flags, folder: String) throws -> [String: String] {
        var all: [String: String] = stored
        for name in flags.keys.sorted() {
            guard let value = given[name] else { continue }
            let files: [Substring] = isPath(name) ? value.split(separator: ",") : []
            let isList: Bool = name == "service-account-key-file"
            if value.isEmpty {
                all[name] = nil
            } else if isPath(name), value != "-" {
                all[name] =
                    isList
                    ? files.map { absolute(String($0), folder) }.joined(separator: ",") : absolute(value, folder)
            } else {
                all[name] = value
            }
        }
        // Told here, before anything starts, in the words that the server would use.
        let check: Flags = try Flags(arguments(all), known: flags, command: "up")
        _ = try PressureSettings(check)
        _ = try AdmissionFlags.plugins(check)
        _ = try ReviewerFlags(check)
        _ = try IngressFlags(check)
        return all
    }

    /// For the server's command line, in the order of their names.
    static func arguments(_ flags: [String: String]) -> [String] {
        flags.sorted { $0.key < $1.key }.map { "--\($0.key)=\($0.value)" }
    }

    private static func absolute(_ path: String, _ folder: String) -> String {
        path.hasPrefix("/") ? path : "\(folder)/\(path)"
    }

    static func workingFolder() -> String {
        guard let text = getcwd(nil, 0) else { return "/" }
        defer { free(text) }
        return String(cString: text)
    }
}
