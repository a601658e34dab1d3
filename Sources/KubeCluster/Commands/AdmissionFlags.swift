// `--enable-admission-plugins` and `--disable-admission-plugins`: kube-apiserver's names.

import KubeResources
import KubeServer

enum AdmissionFlags {
    static let flags: [String: Bool] = ["enable-admission-plugins": true, "disable-admission-plugins": true]

    static func plugins(_ flags: Flags) throws -> [any AdmissionPlugin] {
        func names(_ flag: String) -> [String] {
            (flags[flag] ?? "").split(separator: ",").map { String($0) }
        }
        do {
            return try AdmissionPlugins.chosen(
                enable: names("enable-admission-plugins"), disable: names("disable-admission-plugins"))
        } catch {
            throw ClusterError("\(error)")
        }
    }
}
