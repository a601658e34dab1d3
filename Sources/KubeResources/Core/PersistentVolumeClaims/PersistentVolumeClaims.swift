// Claims for storage.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct ClaimStrategy: Strategy {
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = ["phase": "Pending"] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        ClaimRules.spec(o.spec, at: "spec", &out)
        return out.list
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        var allowed: JSON = new.spec
        allowed.resources.requests = old.spec.resources.requests
        if old.spec.volumeName.text.isEmpty { allowed.volumeName = old.spec.volumeName }
        if !old.spec.storageClassName.exists { allowed.storageClassName = old.spec.storageClassName }
        allowed.volumeAttributesClassName = old.spec.volumeAttributesClassName
        if !Faults.same(allowed, old.spec) {
            out.forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims")
        }
        growth(new, old, &out)
        return out.list
    }

    private func growth(_ new: JSON, _ old: JSON, _ out: inout Faults) {
        let field: String = "spec.resources.requests.storage"
        guard let after = ResourceRules.quantity(new.spec.resources.requests.storage),
            let before = ResourceRules.quantity(old.spec.resources.requests.storage), after != before
        else { return }
        if old.status.phase.text != "Bound" {
            out.forbidden(
                "spec",
                "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims")
        } else if after < before {
            let status: Quantity? = ResourceRules.quantity(old.status.capacity.storage)
            if status.map({ after <= $0 }) ?? true { out.forbidden(field, "field can not be less than status.capacity") }
        }
    }
}

enum PersistentVolumeClaims {
    static let entry: Entry = Entry(API.persistentVolumeClaims, ClaimStrategy())
}
