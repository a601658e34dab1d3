// Namespaces: they stay, Terminating, until their controller has emptied them and takes the finalizer away.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

/// create → Active → (delete) Terminating → (finalize with no spec.finalizers) gone
struct NamespaceStrategy: Strategy {
    var nameRule: NameRule { .label }

    func prepareForCreate(_ ns: inout JSON, _ context: RequestContext) {
        ns.status = ["phase": "Active"]
        if !ns.spec.finalizers.strings.contains("kubernetes") {
            ns.spec.finalizers = JSON(ns.spec.finalizers.strings + ["kubernetes"])
        }
        Self.label(&ns)
    }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
        new.spec.finalizers = old.spec.finalizers
        Self.label(&new)
    }
    private static func label(_ ns: inout JSON) {
        if !ns.meta.name.isEmpty { ns.metadata.labels["kubernetes.io/metadata.name"] = ns.metadata.name }
    }
    func validate(_ ns: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        Self.finalizers(ns, &out)
        return out.list
    }
    static func finalizers(_ ns: JSON, _ out: inout Faults) {
        for f in ns.spec.finalizers.strings {
            out.name("spec.finalizers", f, NameRules.qualifiedName)
            if !f.contains("/"), f != "kubernetes" {
                out.invalid(
                    "spec.finalizers", .string(f), "name is neither a standard finalizer name nor is it fully qualified")
            }
        }
    }
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let phase: String = new.status.phase.text
        if new.meta.isDeleting, phase != "Terminating" {
            out.invalid(
                "status.phase", new.status.phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")
        } else if !new.meta.isDeleting, phase != "Active" {
            out.invalid("status.phase", new.status.phase, "may only be 'Active' if `deletionTimestamp` is empty")
        }
        return out.list
    }
    /// The default ServiceAccount comes with the namespace, so that a pod created in the next moment finds it;
    /// its controller puts it back when it is deleted.
    func afterCreate(_ ns: JSON, _ context: RequestContext) async {
        var call: APICall = APICall(.create, API.serviceAccounts)
        call.namespace = ns.meta.name
        call.query["fieldManager"] = "kube-apiserver"
        call.body = ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "default"]]
        _ = try? await context.registry.transport(user: .loopback).call(call)
    }
    func markDeleted(_ ns: inout JSON, _ context: RequestContext) { ns.status.phase = "Terminating" }
    func canRemove(_ ns: JSON) -> Bool { ns.spec.finalizers.elements.isEmpty }
}

/// `namespaces/finalize`: only spec.finalizers.
struct NamespaceFinalizeStrategy: Strategy {
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        var result: JSON = old
        let wanted: JSON = new.spec.finalizers
        result.spec.finalizers = wanted.elements.isEmpty ? .null : wanted
        if !result.spec.exists { result.spec = .object(JSONObject()) }
        result.metadata.resourceVersion = new.metadata.resourceVersion
        result.metadata.managedFields = new.metadata.managedFields
        new = result
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        NamespaceStrategy.finalizers(new, &out)
        return out.list
    }
    func canRemove(_ ns: JSON) -> Bool { ns.spec.finalizers.elements.isEmpty }
}

enum Namespaces {
    static let entry: Entry = Entry(API.namespaces) { d, _ in
        d.strategy = NamespaceStrategy()
        d.setHandler("finalize", .object(NamespaceFinalizeStrategy()))
    }
}
