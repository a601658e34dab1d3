// The volumes of a pod: names, and exactly one well-formed source each.

import KubeModel
package import KubeWire

package enum VolumeRules {
    package static func check(_ list: JSON, at path: String, _ names: inout PodNames, _ out: inout Faults) {
        for (i, v) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            let sources: [(key: String, value: JSON)] = v.fields.pairs.filter {
                $0.key != "name" && $0.value.exists
            }
            if sources.isEmpty { out.required(at, "must specify a volume type") }
            for (n, s) in sources.enumerated() {
                if n > 0 {
                    out.forbidden("\(at).\(s.key)", "may not specify more than 1 volume type")
                } else {
                    source(s.key, s.value, at: "\(at).\(s.key)", &out)
                }
            }
            let name: String = v.name.text
            if name.isEmpty {
                out.required(at + ".name")
            } else {
                out.name(at + ".name", name, NameRules.dns1123Label)
                if names.volumes.updateValue(v, forKey: name) != nil { out.duplicate(at + ".name", v.name) }
            }
        }
    }

    private static func source(_ kind: String, _ s: JSON, at: String, _ out: inout Faults) {
        func required(_ names: String...) {
            for name in names where s[name].text.isEmpty { out.required("\(at).\(name)") }
        }
        switch kind {
        case "emptyDir":
            ResourceRules.value(s.sizeLimit, at: at + ".sizeLimit", &out)
        case "hostPath":
            required("path")
            PathRules.noBackSteps(s.path, at: at + ".path", &out)
            out.oneOf(
                at + ".type", s.type,
                ["BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"],
                isRequired: false)
        case "secret":
            required("secretName")
            mode(s.defaultMode, at: at + ".defaultMode", &out)
            items(s["items"], at: at + ".items", &out)
        case "configMap":
            required("name")
            mode(s.defaultMode, at: at + ".defaultMode", &out)
            items(s["items"], at: at + ".items", &out)
        case "downwardAPI":
            mode(s.defaultMode, at: at + ".defaultMode", &out)
            downward(s["items"], at: at, &out)
        case "projected": projected(s, at: at, &out)
        case "persistentVolumeClaim": required("claimName")
        case "nfs":
            required("server", "path")
            if !s.path.text.isEmpty, !s.path.text.hasPrefix("/") {
                out.invalid(at + ".path", s.path, "must be an absolute path")
            }
        case "csi": required("driver")
        case "ephemeral":
            if !s.volumeClaimTemplate.exists {
                out.required(at + ".volumeClaimTemplate")
            } else {
                ClaimRules.spec(s.volumeClaimTemplate.spec, at: at + ".volumeClaimTemplate.spec", &out)
            }
        case "image":
            required("reference")
            out.oneOf(at + ".pullPolicy", s.pullPolicy, ["Always", "IfNotPresent", "Never"], isRequired: false)
        case "gitRepo":
            required("repository")
            if !s.directory.text.isEmpty { PathRules.descending(s.directory, at: at + ".directory", &out) }
        case "iscsi": required("targetPortal", "iqn")
        case "glusterfs": required("endpoints", "path")
        case "rbd": required("image")
        case "gcePersistentDisk": required("pdName")
        case "awsElasticBlockStore": required("volumeID")
        default: break
        }
    }

    private static func mode(_ m: JSON, at path: String, _ out: inout Faults) {
        if let n = m.asInt, !(0...0o777).contains(n) {
            out.invalid(path, m, "must be a number between 0 and 0777 (octal), both inclusive")
        }
    }

    /// `items`: key to path.
    private static func items(_ list: JSON, at path: String, _ out: inout Faults) {
        for (i, item) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            if item.key.text.isEmpty { out.required(at + ".key") }
            if item.path.text.isEmpty { out.required(at + ".path") }
            localPath(item.path, at: at + ".path", &out)
            mode(item.mode, at: at + ".mode", &out)
        }
    }

    private static func localPath(_ value: JSON, at path: String, _ out: inout Faults) {
        PathRules.descending(value, at: path, &out)
        if value.text.hasPrefix(".."), !value.text.split(separator: "/").contains("..") {
            out.invalid(path, value, "must not start with '..'")
        }
    }

    private static func downward(_ list: JSON, at path: String, _ out: inout Faults) {
        for (i, item) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            if item.path.text.isEmpty { out.required(path + ".path") }
            localPath(item.path, at: path + ".path", &out)
            if item.fieldRef.exists {
                if item.resourceFieldRef.exists {
                    out.invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
                }
                EnvironmentRules.field(
                    item.fieldRef, allowed: EnvironmentRules.volumeFields, at: path + ".fieldRef", &out)
            } else if item.resourceFieldRef.exists {
                EnvironmentRules.resource(
                    item.resourceFieldRef, needsContainer: true, at: path + ".resourceFieldRef", &out)
            } else {
                out.required(path, "one of fieldRef and resourceFieldRef is required")
            }
            mode(item.mode, at: path + ".mode", &out)
        }
    }

    private static func projected(_ s: JSON, at: String, _ out: inout Faults) {
        mode(s.defaultMode, at: at + ".defaultMode", &out)
        var paths: Set<String> = []
        for (i, source) in s.sources.elements.enumerated() {
            let here: String = "\(at).sources[\(i)]"
            let given: [(key: String, value: JSON)] = source.fields.pairs.filter { $0.value.exists }
            if given.isEmpty { out.required(here, "must specify a source type") }
            for (n, g) in given.enumerated() {
                let path: String = "\(here).\(g.key)"
                if n > 0 {
                    out.forbidden(path, "may not specify more than 1 volume type")
                    continue
                }
                projection(g.key, g.value, at: path, &out)
                for file in files(g.key, g.value) where !paths.insert(file).inserted {
                    out.invalid(here, .string(file), "conflicting duplicate paths")
                }
            }
        }
    }

    private static func files(_ kind: String, _ p: JSON) -> [String] {
        switch kind {
        case "serviceAccountToken", "clusterTrustBundle": [p.path.text]
        default: p["items"].elements.map { $0.path.text }
        }
    }

    private static func projection(_ kind: String, _ p: JSON, at: String, _ out: inout Faults) {
        switch kind {
        case "secret", "configMap":
            if p.name.text.isEmpty { out.required(at + ".name") }
            items(p["items"], at: at + ".items", &out)
        case "downwardAPI": downward(p["items"], at: at, &out)
        case "serviceAccountToken":
            if let seconds = p.expirationSeconds.asInt64 {
                if seconds < 600 {
                    out.invalid(
                        at + ".expirationSeconds", p.expirationSeconds, "may not specify a duration less than 10 minutes")
                } else if seconds > 1 << 32 {
                    out.invalid(
                        at + ".expirationSeconds", p.expirationSeconds, "may not specify a duration larger than 2^32 seconds")
                }
            }
            if p.path.text.isEmpty { out.required(at + ".path") }
            localPath(p.path, at: at + ".path", &out)
        default: break
        }
    }
}
