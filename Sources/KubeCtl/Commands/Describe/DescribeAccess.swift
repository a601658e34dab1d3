// `describe` of roles, bindings, service accounts and priority classes.

import KubeModel
import KubeWire

enum DescribeAccess {
    private static func head(_ o: JSON, into w: inout DescribeWriter) {
        w.field("Name", o.meta.name)
        if ["ServiceAccount"].contains(o.kind.text) { w.field("Namespace", o.meta.namespace) }
        w.map("Labels", o.meta.labels)
        w.annotations(o.meta.annotations)
    }

    static func role(_ o: JSON, into w: inout DescribeWriter) {
        head(o, into: &w)
        w.add(0, "PolicyRule:")
        w.table(1, PolicyRows.header, PolicyRows.rows(o.rules.elements))
    }

    static func binding(_ o: JSON, into w: inout DescribeWriter) {
        head(o, into: &w)
        w.add(0, "Role:")
        w.field("Kind", o.roleRef.kind.text, level: 1)
        w.field("Name", o.roleRef.name.text, level: 1)
        w.add(0, "Subjects:")
        w.table(
            1, ["Kind", "Name", "Namespace"],
            o.subjects.elements.map { [$0.kind.text, $0.name.text, $0.namespace.text] })
    }

    static func serviceAccount(_ o: JSON, tokens: [JSON], into w: inout DescribeWriter) {
        head(o, into: &w)
        w.list("Image pull secrets", o.imagePullSecrets.elements.map { $0.name.text })
        w.list("Mountable secrets", o.secrets.elements.map { $0.name.text })
        w.list("Tokens", tokens.map { $0.meta.name })
    }

    static func priorityClass(_ o: JSON, into w: inout DescribeWriter) {
        w.field("Name", o.meta.name)
        w.field("Value", "\(o.value.asInt ?? 0)")
        w.field("GlobalDefault", "\(o.globalDefault.isTrue)")
        w.field("PreemptionPolicy", o.preemptionPolicy.asString ?? "PreemptLowerPriority")
        w.field("Description", o["description"].text)
        w.annotations(o.meta.annotations)
    }
}
