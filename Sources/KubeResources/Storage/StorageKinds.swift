// storage.k8s.io: classes, drivers, attachments.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum StorageKinds {
    private static let classes: RuledStrategy = RuledStrategy(
        updating: { new, old, out in
            for f in ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"]
            where !Faults.same(new[f], old[f]) {
                out.forbidden(f, "updates to \(f) are forbidden.")
            }
        }
    ) { o, out in
        if o.provisioner.text.isEmpty {
            out.required("provisioner")
        } else {
            out.name("provisioner", o.provisioner.text.lowercased(), NameRules.qualifiedName)
        }
        for (key, _) in o.parameters.fields where key.isEmpty {
            out.invalid("parameters", .string(key), "field can not be empty.")
        }
        out.oneOf("reclaimPolicy", o.reclaimPolicy, ["Delete", "Retain"], isRequired: false)
        out.oneOf("volumeBindingMode", o.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"])
    }

    private static let drivers: RuledStrategy = RuledStrategy(
        keepsGeneration: false,
        updating: { new, old, out in
            out.immutable("spec.attachedRequired", new.spec.attachRequired, old.spec.attachRequired)
            out.immutable("spec.volumeLifecycleModes", new.spec.volumeLifecycleModes, old.spec.volumeLifecycleModes)
        }
    ) { o, out in
        out.oneOf(
            "spec.fsGroupPolicy", o.spec.fsGroupPolicy, ["File", "None", "ReadWriteOnceWithFSType"], isRequired: false)
        for (i, m) in o.spec.volumeLifecycleModes.elements.enumerated() where !["Ephemeral", "Persistent"].contains(m.text) {
            out.notSupported("spec.volumeLifecycleModes[\(i)]", m, ["Ephemeral", "Persistent"])
        }
    }

    private static let nodes: RuledStrategy = RuledStrategy { o, out in
        var seen: Set<String> = []
        for (i, d) in o.spec.drivers.elements.enumerated() {
            let at: String = "spec.drivers[\(i)]"
            if d.name.text.isEmpty { out.required(at + ".name") }
            if d.nodeID.text.isEmpty { out.required(at + ".nodeID") }
            if !seen.insert(d.name.text).inserted { out.duplicate(at + ".name", d.name) }
        }
    }

    private static let attachments: RuledStrategy = RuledStrategy(
        hasStatus: true,
        updating: { new, old, out in out.immutable("spec", new.spec, old.spec) }
    ) { o, out in
        if o.spec.attacher.text.isEmpty { out.required("spec.attacher") }
        if o.spec.nodeName.text.isEmpty { out.required("spec.nodeName") }
        if !o.spec.source.persistentVolumeName.exists, !o.spec.source.inlineVolumeSpec.exists {
            out.required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        }
    }

    private static let attributes: RuledStrategy = RuledStrategy(
        updating: { new, old, out in
            for f in ["driverName", "parameters"] where !Faults.same(new[f], old[f]) {
                out.forbidden(f, "updates to \(f) are forbidden.")
            }
        }
    ) { o, out in
        if o.driverName.text.isEmpty { out.required("driverName") }
        if o.parameters.fields.isEmpty { out.required("parameters", "must contain at least one key/value pair") }
    }

    static let entries: [Entry] = [
        Entry(API.storageClasses, classes), Entry(API.csiDrivers, drivers), Entry(API.csiNodes, nodes),
        Entry(API.volumeAttachments, attachments), Entry(API.volumeAttributesClasses, attributes),
    ]
}
