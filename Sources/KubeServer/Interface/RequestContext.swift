// What travels with one request from the pipeline to strategies, admission and handlers.

package import KubeBase
package import KubeModel
import Synchronization

package struct RequestContext: Sendable {
    package var verb: Verb
    package var resource: GroupVersionResource
    package var subresource: String
    package var namespace: String
    package var name: String
    package var user: UserInfo
    package var isDryRun: Bool = false
    package var fieldManager: String = ""
    /// Of the request: one value for everything it stamps.
    package var now: Timestamp
    /// Reads and writes of other resources.
    package var registry: any ObjectRegistry
    /// Texts for `Warning: 299 - "…"` response headers.
    package let warnings: WarningList = WarningList()
    /// nil: nobody writes this request down.
    package var audit: AuditTrail?

    package init(
        verb: Verb, resource: GroupVersionResource, subresource: String = "", namespace: String = "",
        name: String = "", user: UserInfo, now: Timestamp, registry: any ObjectRegistry
    ) {
        self.verb = verb
        self.resource = resource
        self.subresource = subresource
        self.namespace = namespace
        self.name = name
        self.user = user
        self.now = now
        self.registry = registry
    }

    package func warn(_ text: String) { warnings.add(text) }
    /// For the audit log: `pod-security.kubernetes.io/enforce-policy`, `mutation.webhook.admission.k8s.io/…`.
    package func annotate(_ key: String, _ value: String) { audit?.annotate(key, value) }
}

/// Collects the warnings of one request, without repeats.
package final class WarningList: Sendable {
    private let texts: Mutex<[String]> = Mutex([])
    package init() {}
    package func add(_ text: String) { texts.withLock { if !$0.contains(text) { $0.append(text) } } }
    package var all: [String] { texts.withLock { $0 } }
}
