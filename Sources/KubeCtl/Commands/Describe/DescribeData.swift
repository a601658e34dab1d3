// `describe configmap`, `secret`, `namespace`, and the generic form for every other kind.

import KubeModel
import KubeWire

enum DescribeData {
    private static func head(_ o: JSON, into w: inout DescribeWriter) {
        w.field("Name", o.meta.name)
        if !o.meta.namespace.isEmpty { w.field("Namespace", o.meta.namespace) }
        w.map("Labels", o.meta.labels)
        w.annotations(o.meta.annotations)
    }

    static func configMap(_ o: JSON, into w: inout DescribeWriter) {
        head(o, into: &w)
        w.add(0, "")
        w.add(0, "Data")
        w.add(0, "====")
        for (key, value) in o.data.stringMap.sorted(by: { $0.key < $1.key }) {
            w.add(0, "\(key):")
            w.add(0, "----")
            for line in value.split(separator: "\n", omittingEmptySubsequences: false) { w.add(0, String(line)) }
            w.add(0, "")
        }
        w.add(0, "")
        w.add(0, "BinaryData")
        w.add(0, "====")
        for (key, value) in o.binaryData.stringMap.sorted(by: { $0.key < $1.key }) {
            w.add(0, "\(key): \(Base64.decode(value)?.count ?? 0) bytes")
        }
        w.add(0, "")
    }

    static func secret(_ o: JSON, into w: inout DescribeWriter) {
        head(o, into: &w)
        w.add(0, "")
        w.field("Type", o.type.text)
        w.add(0, "")
        w.add(0, "Data")
        w.add(0, "====")
        for (key, value) in o.data.stringMap.sorted(by: { $0.key < $1.key }) { w.field(key, "\(Base64.decode(value)?.count ?? 0) bytes") }
    }

    static func namespace(_ o: JSON, quotas: [JSON], limits: [JSON], into w: inout DescribeWriter) {
        head(o, into: &w)
        w.field("Status", o.status.phase.text)
        if !o.status.conditions.elements.isEmpty {
            w.add(0, "Conditions:")
            w.table(1, ["Type", "Status", "LastTransitionTime", "Reason", "Message"], o.status.conditions.elements.map {
                [$0.type.text, $0.status.text, GoTime.text($0.lastTransitionTime.text), $0.reason.text, $0.message.text]
            })
        }
        quota(quotas, into: &w)
        limit(limits, into: &w)
    }
}

extension DescribeData {
    private static func quota(_ quotas: [JSON], into w: inout DescribeWriter) {
        w.add(0, "")
        if quotas.isEmpty { return w.add(0, "No resource quota.") }
        w.add(0, "Resource Quotas")
        for q in quotas {
            w.add(1, "Name:", q.meta.name)
            w.add(1, "Resource", "Used", "Hard")
            w.add(1, "--------", "---", "---")
            for (key, hard) in q.status.hard.fields.pairs.sorted(by: { $0.key < $1.key }) {
                w.add(1, key, JSONPath.shown(q.status.used[key]), JSONPath.shown(hard))
            }
        }
    }

    private static func limit(_ limits: [JSON], into w: inout DescribeWriter) {
        w.add(0, "")
        if limits.isEmpty { return w.add(0, "No LimitRange resource.") }
        w.add(0, "Resource Limits")
        w.add(1, "Type", "Resource", "Min", "Max", "Default Request", "Default Limit", "Max Limit/Request Ratio")
        w.add(1, "----", "--------", "---", "---", "---------------", "-------------", "-----------------------")
        for item in limits.flatMap({ $0.spec.limits.elements }) {
            let keys: [String] = ["min", "max", "defaultRequest", "default", "maxLimitRequestRatio"]
            let resources: Set<String> = Set(keys.flatMap { item[$0].fields.pairs.map { $0.key } })
            for resource in resources.sorted() {
                w.add(1, cells: [item.type.text, resource] + keys.map { item[$0][resource].exists ? JSONPath.shown(item[$0][resource]) : "-" })
            }
        }
    }
}

enum DescribeGeneric {
    static func object(_ o: JSON, into w: inout DescribeWriter) {
        w.field("Name", o.meta.name)
        w.field("Namespace", o.meta.namespace)
        w.map("Labels", o.meta.labels)
        w.annotations(o.meta.annotations)
        w.field("API Version", o.apiVersion.text)
        w.field("Kind", o.kind.text)
        w.add(0, "Metadata:")
        for (key, value) in o.metadata.fields.pairs.sorted(by: { $0.key < $1.key })
        where !["name", "namespace", "labels", "annotations", "managedFields"].contains(key) {
            member(key, value, level: 1, into: &w)
        }
        for (key, value) in o.fields.pairs.sorted(by: { $0.key < $1.key }) where !["apiVersion", "kind", "metadata"].contains(key) {
            member(key, value, level: 0, into: &w)
        }
    }

    static func tree(_ value: JSON, level: Int, into w: inout DescribeWriter) {
        for (key, child) in value.fields.pairs.sorted(by: { $0.key < $1.key }) { member(key, child, level: level, into: &w) }
    }

    private static func member(_ key: String, _ value: JSON, level: Int, into w: inout DescribeWriter) {
        switch value {
        case .object:
            w.add(level, title(key) + ":")
            tree(value, level: level + 1, into: &w)
        case .array(let elements):
            w.add(level, title(key) + ":")
            for element in elements {
                if element.asObject != nil { tree(element, level: level + 1, into: &w) } else { w.add(level + 1, JSONPath.shown(element)) }
            }
        default: w.field(title(key), JSONPath.shown(value), level: level)
        }
    }

    /// `creationTimestamp` → `Creation Timestamp`; keys that are no identifiers stay.
    private static func title(_ key: String) -> String {
        guard key.allSatisfy({ $0.isLetter || $0.isNumber }) else { return key }
        var out: String = ""
        var last: Character = " "
        for c in key {
            if c.isUppercase, last.isLowercase { out += " " }
            out.append(c)
            last = c
        }
        switch out {
        case "uid": return "UID"
        case "api Version": return "API Version"
        default: return out.capitalizedFirst
        }
    }
}
