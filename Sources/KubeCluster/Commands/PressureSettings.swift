// The server's flags for the audit log and for requests in flight; kube-apiserver's names and defaults.

import KubeOS
import KubeServer

struct PressureSettings: Sendable {
    static let flags: [String: Bool] = [
        "audit-policy-file": true, "audit-log-path": true, "audit-log-maxsize": true, "audit-log-maxage": true,
        "audit-log-maxbackup": true, "audit-webhook-config-file": true, "max-requests-inflight": true,
        "max-mutating-requests-inflight": true,
    ]

    var readsInFlightMax: Int = 400
    var writesInFlightMax: Int = 200
    private var policyFile: String?
    private var logPath: String?
    private var webhookFile: String?
    private var limits: AuditFile.Limits = AuditFile.Limits()

    init() {}

    init(_ flags: Flags) throws {
        readsInFlightMax = try flags.int("max-requests-inflight", 0...1_000_000) ?? readsInFlightMax
        writesInFlightMax = try flags.int("max-mutating-requests-inflight", 0...1_000_000) ?? writesInFlightMax
        policyFile = flags["audit-policy-file"]
        logPath = flags["audit-log-path"]
        webhookFile = flags["audit-webhook-config-file"]
        if let megabytes = try flags.int("audit-log-maxsize", 0...1_000_000) { limits.bytesMax = megabytes << 20 }
        limits.daysMax = try flags.int("audit-log-maxage", 0...100_000) ?? 0
        limits.filesMax = try flags.int("audit-log-maxbackup", 0...1_000_000) ?? 0
    }

    /// nil: without a policy nothing is written down, as upstream.
    func audit() throws -> AuditLog? {
        guard let policyFile else { return nil }
        let policy: AuditPolicy
        do {
            policy = try AuditPolicy(text: try Files.text(policyFile))
        } catch {
            throw ClusterError("--audit-policy-file: \(policyFile): \(error)")
        }
        var backends: [any AuditBackend] = []
        if let logPath { backends.append(try AuditFile(path: logPath, limits: limits)) }
        if let webhookFile {
            do {
                backends.append(try AuditWebhook(kubeconfig: try Files.text(webhookFile)) { try Files.read($0) })
            } catch {
                throw ClusterError("--audit-webhook-config-file: \(webhookFile): \(error)")
            }
        }
        return backends.isEmpty ? nil : AuditLog(policy: policy, backends: backends)
    }
}
