// Tells users what a component did with an object: core/v1 events, sent in the background, counted up when they repeat.

package import KubeBase
import KubeModel
package import KubeWire
import Logging
import Synchronization

/// `record` never waits; `run` sends. Events beyond `queuedMax` unsent ones are dropped: best effort is their contract.
package final class EventRecorder: Component {
    package enum Kind: String, Sendable {
        case normal = "Normal"
        case warning = "Warning"
    }

    package static let queuedMax: Int = 1000
    private static let events: GroupVersionResource = GroupVersionResource("v1", "events")

    private let client: Client
    private let component: String
    private let host: String
    private let time: any TimeSource
    private let queued: Mutex<[JSON]> = Mutex([])
    private let news: Wakeup = Wakeup()
    private let log: Logger

    /// `component` as users see it in `kubectl describe`: `deployment-controller`, `kubelet`.
    package init(_ client: Client, component: String, host: String = "", time: any TimeSource) {
        self.client = client
        self.component = component
        self.host = host
        self.time = time
        self.log = .component("events.\(component)")
    }

    package var name: String { "events \(component)" }

    /// `object` is the whole object, or a reference with kind, apiVersion, namespace, name and uid.
    /// `fieldPath` names a part: `spec.containers{web}`.
    package func record(
        _ object: JSON, _ kind: Kind, reason: String, _ message: String, fieldPath: String = "",
        annotations: [String: String] = [:]
    ) {
        let now: Timestamp = time.now()
        let event: JSON = Self.event(
            about: object, kind, reason: reason, message, fieldPath: fieldPath, annotations: annotations,
            component: component, host: host, at: now)
        let isQueued: Bool = queued.withLock {
            guard $0.count < Self.queuedMax else { return false }
            $0.append(event)
            return true
        }
        if isQueued { news.raise() }
    }

    package static func event(
        about object: JSON, _ kind: Kind, reason: String, _ message: String, fieldPath: String,
        annotations: [String: String] = [:], component: String, host: String, at now: Timestamp
    ) -> JSON {
        // A whole object has metadata, a reference has the members at its top.
        let meta: JSON = object.metadata.exists ? object.metadata : object
        let namespace: String = meta.namespace.text.isEmpty ? "default" : meta.namespace.text
        var about: JSON = [:]
        about.kind = object.kind
        about.namespace = meta.namespace
        about.name = meta.name
        about.uid = meta.uid
        about.apiVersion = object.apiVersion
        about.resourceVersion = meta.resourceVersion
        if !fieldPath.isEmpty { about.fieldPath = .string(fieldPath) }
        var source: JSON = ["component": .string(component)]
        if !host.isEmpty { source.host = .string(host) }
        let stamp: JSON = .string(now.rfc3339)
        var event: JSON = ["apiVersion": "v1", "kind": "Event"]
        event.metadata.name = .string("\(meta.name.text).\(String(now.nanoseconds, radix: 16))")
        event.metadata.namespace = .string(namespace)
        if !annotations.isEmpty { event.metadata.annotations = JSON(annotations) }
        event.involvedObject = about
        event.reason = .string(reason)
        // The API's limit is 1024 bytes.
        event.message = .string(message.utf8.count > 1024 ? String(message.prefix(1000)) : message)
        event.source = source
        event.firstTimestamp = stamp
        event.lastTimestamp = stamp
        event.count = 1
        event.type = .string(kind.rawValue)
        event.reportingComponent = .string(component)
        event.reportingInstance = .string(host)
        return event
    }

    package func run() async throws {
        var correlator: EventCorrelator = EventCorrelator()
        while !Task.isCancelled {
            let batch: [JSON] = queued.withLock {
                let b: [JSON] = $0
                $0 = []
                return b
            }
            for event in batch { await send(correlator.on(event, at: time.now())) }
            if batch.isEmpty { await news.wait() }
        }
    }

    private func send(_ decision: EventCorrelator.Decision) async {
        do throws(StatusError) {
            switch decision {
            case .drop: return
            case .create(let event): try await create(event)
            case .bump(let name, let patch, let whole):
                do throws(StatusError) {
                    try await client.patch(
                        Self.events, namespace: whole.metadata.namespace.text, name, .merge, patch)
                } catch {
                    guard error.isNotFound else { throw error }
                    try await create(whole)
                }
            }
        } catch {
            // Events about things in a namespace that is going away are refused: nobody misses them.
            log.debug("event not recorded: \(error)")
        }
    }

    private func create(_ event: JSON) async throws(StatusError) {
        try await client.create(Self.events, namespace: event.metadata.namespace.text, event)
    }
}
