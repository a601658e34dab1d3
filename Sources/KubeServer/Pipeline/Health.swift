// `/healthz`, `/livez`, `/readyz` and each of their checks, in the text form of k8s.io/apiserver's healthz.

import KubeNet
import Synchronization

/// What must be true of a server that is alive, and of one that is ready; each turned on by whoever makes it true.
final class HealthChecks: Sendable {
    enum Scope: Sendable { case everywhere, readinessOnly }
    private struct Check {
        var name: String
        var scope: Scope
        var isFine: Bool
    }
    private let checks: Mutex<[Check]>

    /// In the order in which they are shown. Upstream's names for the parts that this server has.
    init() {
        let always: [Check] = ["ping", "log"].map { Check(name: $0, scope: .everywhere, isFine: true) }
        let store: [Check] = [
            Check(name: "etcd", scope: .everywhere, isFine: true),
            Check(name: "etcd-readiness", scope: .readinessOnly, isFine: true),
            Check(name: "informer-sync", scope: .readinessOnly, isFine: true),
        ]
        let hooks: [Check] = HealthChecks.hooks.map {
            Check(name: "poststarthook/" + $0, scope: .everywhere, isFine: false)
        }
        checks = Mutex(always + store + hooks + [Check(name: "shutdown", scope: .readinessOnly, isFine: true)])
    }

    static let hooks: [String] = [
        "priority-and-fairness-config-consumer", "priority-and-fairness-filter", "start-apiextensions-controllers",
        "crd-informer-synced", "start-system-namespaces-controller", "start-cluster-authentication-info-controller",
        "rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes",
        "priority-and-fairness-config-producer", "bootstrap-controller", "apiservice-status-remote-available-controller",
    ]

    func set(_ name: String, _ isFine: Bool) {
        checks.withLock { all in
            for i in all.indices where all[i].name == name { all[i].isFine = isFine }
        }
    }

    func hooked(_ names: String...) {
        for name in names { set("poststarthook/" + name, true) }
    }

    // MARK: answers

    func response(_ parts: [String], _ query: Query) -> HTTPResponse {
        let endpoint: String = parts[0]
        let shown: [Check] = checks.withLock { all in
            all.filter { $0.scope == .everywhere || endpoint == "readyz" }
        }
        if parts.count > 1 { return one(parts[1...].joined(separator: "/"), shown) }
        let excluded: [String] = query.all("exclude").filter { !$0.isEmpty }
        let unknown: [String] = excluded.filter { name in !shown.contains { $0.name == name } }
        var text: String = ""
        var isFine: Bool = true
        for check in shown {
            if excluded.contains(check.name) {
                text += "[+]\(check.name) excluded: ok\n"
            } else if check.isFine {
                text += "[+]\(check.name) ok\n"
            } else {
                isFine = false
                // Reasons may tell secrets: they are in the server's log.
                text += "[-]\(check.name) failed: reason withheld\n"
            }
        }
        if !unknown.isEmpty {
            let names: String = unknown.map { "\"\($0)\"" }.joined(separator: ", ")
            text += "warn: some health checks cannot be excluded: no matches for \(names)\n"
        }
        if !isFine { return plain(500, text + "\(endpoint) check failed\n") }
        if query["verbose"] == nil { return plain(200, "ok") }
        return plain(200, text + "\(endpoint) check passed\n")
    }

    private func one(_ name: String, _ shown: [Check]) -> HTTPResponse {
        guard let check = shown.first(where: { $0.name == name }) else { return plain(404, "404 page not found\n") }
        return check.isFine ? plain(200, "ok") : plain(500, "internal server error: \(name) is not finished\n")
    }

    private func plain(_ status: Int, _ text: String) -> HTTPResponse {
        var response: HTTPResponse = HTTPResponse(
            status: status, contentType: "text/plain; charset=utf-8", Array(text.utf8))
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
    }
}
