// storage.k8s.io: classes, drivers, attachments: pkg/apis/storage/validation.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum StorageKinds {
    private static let parametersMax: Int = 512
    private static let parametersBytesMax: Int = 256 << 10
    private static let messageBytesMax: Int = 4096
    private static let tokenRequestsMax: Int = 1000

    private static func forbidChanges(_ fields: [String], _ new: JSON, _ old: JSON, _ out: inout Faults) {
        for f in fields where !Faults.same(new[f], old[f]) { out.forbidden(f, "updates to \(f) are forbidden.") }
    }

    private static func parameters(_ map: JSON, isRequired: Bool, _ out: inout Faults) {
        if map.fields.count > parametersMax {
            out.tooLong("parameters", maxLength: parametersMax)
        }
        var bytes: Int = 0
        for (key, value) in map.fields {
            if key.isEmpty { out.invalid("parameters", .string(key), "field can not be empty.") }
            bytes += key.utf8.count + value.text.utf8.count
        }
        if bytes > parametersBytesMax { out.tooLong("parameters", maxLength: parametersBytesMax) }
        if isRequired, map.fields.isEmpty { out.required("parameters", "must contain at least one key/value pair") }
    }

    private static let classes: RuledStrategy = RuledStrategy(
        updating: { new, old, out in
            forbidChanges(["parameters", "provisioner", "reclaimPolicy"], new, old, &out)
            out.immutable("volumeBindingMode", new.volumeBindingMode, old.volumeBindingMode)
        }
    ) { o, out in
        if o.provisioner.text.isEmpty {
            out.required("provisioner")
        } else {
            out.name("provisioner", o.provisioner.text.lowercased(), NameRules.qualifiedName)
        }
        parameters(o.parameters, isRequired: false, &out)
        out.oneOf("reclaimPolicy", o.reclaimPolicy, ["Delete", "Retain"], isRequired: false)
        out.oneOf("volumeBindingMode", o.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"])
        topologies(o.allowedTopologies, &out)
    }

    private static func topologies(_ list: JSON, _ out: inout Faults) {
        for (i, t) in list.elements.enumerated() {
            let at: String = "allowedTopologies[\(i)].matchLabelExpressions"
            var keys: Set<String> = []
            for (j, e) in t.matchLabelExpressions.elements.enumerated() {
                let here: String = "\(at)[\(j)]"
                out.name(here + ".key", e.key.text, NameRules.qualifiedName)
                if e.values.elements.isEmpty { out.required(here + ".values") }
                var seen: Set<String> = []
                for (k, v) in e.values.elements.enumerated() where !seen.insert(v.text).inserted {
                    out.duplicate("\(here).values[\(k)]", v)
                }
                if !keys.insert(e.key.text).inserted { out.duplicate(here + ".key", e.key) }
            }
        }
    }

    private static let drivers: RuledStrategy = RuledStrategy(
        updating: { new, old, out in
            for (f, shown) in [
                ("attachRequired", "attachedRequired"), ("volumeLifecycleModes", "volumeLifecycleModes"),
            ] {
                out.immutable("spec.\(shown)", new.spec[f], old.spec[f])
            }
        }
    ) { o, out in
        driverName(o.metadata.name, at: "metadata.name", &out)
        for f in ["attachRequired", "podInfoOnMount", "storageCapacity"] where !o.spec[f].exists {
            out.required("spec.\(f)")
        }
        out.oneOf(
            "spec.fsGroupPolicy", o.spec.fsGroupPolicy, ["File", "None", "ReadWriteOnceWithFSType"], isRequired: true)
        for (i, m) in o.spec.volumeLifecycleModes.elements.enumerated()
        where !["Ephemeral", "Persistent"].contains(m.text) {
            out.notSupported("spec.volumeLifecycleModes[\(i)]", m, ["Ephemeral", "Persistent"])
        }
        tokens(o.spec.tokenRequests, &out)
        if let n = o.spec.nodeAllocatableUpdatePeriodSeconds.asInt64, n < 10 {
            out.invalid(
                "spec.nodeAllocatableUpdatePeriodSeconds", o.spec.nodeAllocatableUpdatePeriodSeconds,
                "must be greater than or equal to 10 seconds")
        }
    }

    private static func tokens(_ list: JSON, _ out: inout Faults) {
        var audiences: Set<String> = []
        for (i, t) in list.elements.enumerated() {
            let at: String = "spec.tokenRequests[\(i)]"
            if !audiences.insert(t.audience.text).inserted { out.duplicate(at + ".audience", t.audience) }
            guard let n = t.expirationSeconds.asInt64 else { continue }
            if n < 600 {
                out.invalid(
                    at + ".expirationSeconds", t.expirationSeconds, "may not specify a duration less than 10 minutes")
            }
            if n > 1 << 32 {
                out.invalid(
                    at + ".expirationSeconds", t.expirationSeconds,
                    "may not specify a duration larger than 2^32 seconds")
            }
        }
    }

    private static func driverName(_ name: JSON, at: String, _ out: inout Faults) {
        if name.text.isEmpty { out.required(at) }
        if name.text.utf8.count > 63 { out.tooLong(at, maxLength: 63) }
        if !name.text.isEmpty { out.name(at, name.text.lowercased(), NameRules.dns1123Subdomain) }
    }

    private static let nodes: RuledStrategy = RuledStrategy(
        updating: { new, old, out in
            for d in old.spec.drivers.elements {
                guard let now = new.spec.drivers.elements.first(where: { $0.name == d.name }) else { continue }
                if !Faults.same(now, d) { out.invalid("spec.drivers", now, "field is immutable") }
            }
        }
    ) { o, out in
        var seen: Set<String> = []
        for (i, d) in o.spec.drivers.elements.enumerated() {
            let at: String = "spec.drivers[\(i)]"
            driverName(d.name, at: at + ".name", &out)
            if d.nodeID.text.isEmpty { out.required(at + ".nodeID") }
            if d.nodeID.text.utf8.count > 192 {
                out.invalid(at + ".nodeID", d.nodeID, "must be 192 characters or less")
            }
            if let n = d.allocatable["count"].asInt64, n < 0 {
                out.invalid(at + ".allocatable.count", d.allocatable["count"], "must be greater than or equal to 0")
            }
            for key in d.topologyKeys.strings { out.name(at + ".topologyKeys", key, NameRules.qualifiedName) }
            if !seen.insert(d.name.text).inserted { out.duplicate(at + ".name", d.name) }
        }
    }

    private static let attachments: RuledStrategy = RuledStrategy(
        hasStatus: true,
        updating: { new, old, out in out.immutable("spec", new.spec, old.spec) }
    ) { o, out in
        if o.spec.attacher.text.isEmpty { out.required("spec.attacher") }
        if o.spec.nodeName.text.isEmpty { out.required("spec.nodeName") }
        let source: JSON = o.spec.source
        if !source.persistentVolumeName.exists, !source.inlineVolumeSpec.exists {
            out.required("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        }
        if source.persistentVolumeName.exists, source.inlineVolumeSpec.exists {
            out.forbidden("spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName")
        }
        for (key, value) in o.status.attachmentMetadata.fields where key.utf8.count + value.text.utf8.count > 256 << 10
        {
            out.tooLong("status.attachmentMetadata", maxLength: 256 << 10)
        }
        for f in ["attachError", "detachError"] where o.status[f].message.text.utf8.count > messageBytesMax {
            out.tooLong("status.\(f).message", maxLength: messageBytesMax)
        }
    }

    private static let attributes: RuledStrategy = RuledStrategy(
        updating: { new, old, out in forbidChanges(["driverName", "parameters"], new, old, &out) }
    ) { o, out in
        if o.driverName.text.isEmpty {
            out.required("driverName")
        } else {
            out.name("driverName", o.driverName.text.lowercased(), NameRules.qualifiedName)
        }
        parameters(o.parameters, isRequired: true, &out)
    }

    private static let capacities: RuledStrategy = RuledStrategy(
        updating: { new, old, out in
            out.immutable("nodeTopology", new.nodeTopology, old.nodeTopology)
            out.immutable("storageClassName", new.storageClassName, old.storageClassName)
        }
    ) { o, out in
        if o.storageClassName.text.isEmpty {
            out.required("storageClassName")
        } else {
            out.name("storageClassName", o.storageClassName.text, NameRules.dns1123Subdomain)
        }
        LabelRules.selector(o.nodeTopology, at: "nodeTopology", &out)
        for f in ["capacity", "maximumVolumeSize"] { ResourceRules.value(o[f], at: f, &out) }
    }

    static let entries: [Entry] = [
        Entry(API.storageClasses, classes), Entry(API.csiDrivers, drivers), Entry(API.csiNodes, nodes),
        Entry(API.volumeAttachments, attachments), Entry(API.volumeAttributesClasses, attributes),
        Entry(API.csiStorageCapacities, capacities),
    ]
}
