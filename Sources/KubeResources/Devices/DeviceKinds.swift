// resource.k8s.io: classes of devices, claims for them, slices of what drivers have (KEP-4381).

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum DeviceKinds {
    private static let classes: RuledStrategy = RuledStrategy { o, out in
        DeviceRules.selectors(o.spec.selectors, at: "spec.selectors", &out)
        out.tooMany("spec.config", o.spec.config.elements.count, max: DeviceRules.listMax)
        for (i, c) in o.spec.config.elements.enumerated() { DeviceRules.opaque(c, at: "spec.config[\(i)]", &out) }
        if let name = o.spec.extendedResourceName.asString {
            out.name("spec.extendedResourceName", name, NameRules.qualifiedName)
        }
    }

    private static let claims: RuledStrategy = RuledStrategy(
        hasStatus: true,
        updating: { new, old, out in out.immutable("spec", new.spec, old.spec) }
    ) { o, out in DeviceRules.claim(o.spec, at: "spec", &out) }

    private static let templates: RuledStrategy = RuledStrategy(
        updating: { new, old, out in out.immutable("spec", new.spec, old.spec) }
    ) { o, out in
        LabelRules.labels(o.spec.metadata.labels, at: "spec.metadata.labels", &out)
        LabelRules.annotations(o.spec.metadata.annotations, at: "spec.metadata.annotations", &out)
        DeviceRules.claim(o.spec.spec, at: "spec.spec", &out)
    }

    private static let slices: RuledStrategy = RuledStrategy(
        keepsGeneration: true,
        updating: { new, old, out in
            for f in ["driver", "nodeName"] { out.immutable("spec.\(f)", new.spec[f], old.spec[f]) }
            out.immutable("spec.pool.name", new.spec.pool.name, old.spec.pool.name)
        }
    ) { o, out in SliceRules.check(o.spec, at: "spec", &out) }

    static let entries: [Entry] = [
        Entry(API.deviceClasses, classes), Entry(API.resourceClaims, claims),
        Entry(API.resourceClaimTemplates, templates), Entry(API.resourceSlices, slices),
    ]
}
