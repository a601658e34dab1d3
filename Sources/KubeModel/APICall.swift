// A request to the API as a value: what clients send and the server answers, in process or over HTTP.

package import KubeWire

package enum Verb: String, Sendable {
    case get, list, watch, create, update, patch, delete, deletecollection
}

/// The media type of a patch body.
package enum PatchType: String, Sendable {
    case json = "application/json-patch+json"
    case merge = "application/merge-patch+json"
    case strategicMerge = "application/strategic-merge-patch+json"
    case apply = "application/apply-patch+yaml"
}

/// One request. `query` holds the options by their API names: labelSelector, fieldSelector, resourceVersion, limit,
/// continue, dryRun, fieldManager, force, fieldValidation, timeoutSeconds, allowWatchBookmarks, sendInitialEvents,
/// propagationPolicy, gracePeriodSeconds, …
package struct APICall: Sendable {
    package var verb: Verb
    package var resource: GroupVersionResource
    /// Empty: cluster scope, or all namespaces.
    package var namespace: String = ""
    package var name: String = ""
    /// `status`, `scale`, `binding`, `eviction`, `token`, …; empty for the object itself.
    package var subresource: String = ""
    package var query: [String: String] = [:]
    package var patchType: PatchType = .merge
    /// The object, patch or DeleteOptions; null when there is none.
    package var body: JSON = .null

    package init(_ verb: Verb, _ resource: GroupVersionResource) {
        self.verb = verb
        self.resource = resource
    }

    /// `/api/v1/namespaces/default/pods/web/status`
    package var path: String {
        var p: String = resource.group.isEmpty ? "/api/\(resource.version)" : "/apis/\(resource.group)/\(resource.version)"
        if !namespace.isEmpty { p += "/namespaces/\(namespace)" }
        p += "/\(resource.resource)"
        if !name.isEmpty { p += "/\(name)" }
        if !subresource.isEmpty { p += "/\(subresource)" }
        return p
    }
}

/// One event of a watch: metav1.WatchEvent.
package struct WatchEvent: Sendable {
    package enum Kind: String, Sendable {
        case added = "ADDED"
        case modified = "MODIFIED"
        case deleted = "DELETED"
        case bookmark = "BOOKMARK"
        case error = "ERROR"
    }
    package var kind: Kind
    package var object: JSON
    package init(kind: Kind, object: JSON) {
        self.kind = kind
        self.object = object
    }
}

/// Ends without an error when the server closes the watch (time-out); throws `StatusError` for an ERROR event
/// (410 Expired: list again).
package typealias WatchStream = AsyncThrowingStream<WatchEvent, any Error>

/// The seam between the two halves: in process (KubeServer) or over HTTP (KubeClient).
package protocol APITransport: Sendable {
    /// Every verb but watch. Lists answer the list object, deletes the object or Status.
    func call(_ call: APICall) async throws(StatusError) -> JSON
    func watch(_ call: APICall) async throws(StatusError) -> WatchStream
    /// What aggregated API servers serve besides the server's own kinds, as last seen. Only known in process.
    var aggregatedResources: [AggregatedResource] { get }
}

extension APITransport {
    package var aggregatedResources: [AggregatedResource] { [] }
}

/// A resource of another API server behind the same door.
package struct AggregatedResource: Sendable, Hashable {
    package var gvr: GroupVersionResource
    package var kind: String
    package var isNamespaced: Bool
    package var verbs: Set<String>
    package init(gvr: GroupVersionResource, kind: String, isNamespaced: Bool, verbs: Set<String>) {
        self.gvr = gvr
        self.kind = kind
        self.isNamespaced = isNamespaced
        self.verbs = verbs
    }
}
