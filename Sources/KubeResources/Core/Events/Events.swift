// Events, seen through two groups: v1 and events.k8s.io/v1. They are kept as v1.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct EventStrategy: Strategy {
    var allowsCreateOnUpdate: Bool { true }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let isNew: Bool = o.apiVersion.text != "v1"
        let object: JSON = isNew ? o.regarding : o.involvedObject
        let field: String = isNew ? "regarding" : "involvedObject"
        let namespace: String = o.metadata.namespace.text
        let subject: String = object.namespace.text
        if subject.isEmpty {
            if !["default", "kube-system"].contains(namespace), !object.kind.text.isEmpty {
                out.invalid(field + ".namespace", object.namespace.exists ? object.namespace : "", "does not match event.namespace")
            }
        } else if subject != namespace {
            out.invalid(field + ".namespace", object.namespace, "does not match event.namespace")
        }
        if isNew {
            if o.reportingController.text.isEmpty { out.required("reportingController") }
            if o.reportingInstance.text.isEmpty { out.required("reportingInstance") }
            if o.action.text.isEmpty { out.required("action") }
            if o.reason.text.isEmpty { out.required("reason") }
            out.oneOf("type", o.type, ["Normal", "Warning"])
            if !o.eventTime.exists { out.required("eventTime") }
            if o.note.text.utf8.count > 1024 { out.tooLong("note", maxLength: 1024) }
        }
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        // A series update repeats what was already judged.
        new.apiVersion.text == "v1" ? validate(new, context) : []
    }
}

/// events.k8s.io/v1 ↔ v1.
struct EventConversion: VersionConversion {
    private static let names: [(new: String, old: String)] = [
        ("regarding", "involvedObject"), ("note", "message"), ("reportingController", "reportingComponent"),
        ("deprecatedSource", "source"), ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"), ("deprecatedCount", "count"),
    ]

    private func renamed(_ o: JSON, _ map: [String: String]) -> JSON {
        .object(JSONObject(o.fields.pairs.map { (map[$0.key] ?? $0.key, $0.value) }))
    }
    func toStorage(_ object: JSON) -> JSON {
        renamed(object, Dictionary(uniqueKeysWithValues: Self.names.map { ($0.new, $0.old) }))
    }
    func fromStorage(_ object: JSON) -> JSON {
        renamed(object, Dictionary(uniqueKeysWithValues: Self.names.map { ($0.old, $0.new) }))
    }
}

enum Events {
    static let entries: [Entry] = [
        Entry(API.events, EventStrategy()),
        Entry(API.eventsV1) { d, _ in
            d.strategy = EventStrategy()
            d.conversion = EventConversion()
            d.storage = GroupVersionKind(group: "", version: "v1", kind: "Event")
        },
    ]
}
