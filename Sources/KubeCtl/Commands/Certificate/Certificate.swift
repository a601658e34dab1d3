// `certificate approve|deny`: decide on certificate signing requests.

import KubeBase
import KubeModel
import KubeWire

enum Certificate {
    static let command: Command = {
        var c: Command = Command("certificate", "Modify certificate resources")
        c.usage = "SUBCOMMAND"
        c.subcommands = [decision("approve", past: "approved", "Approved", "Denied"), decision("deny", past: "denied", "Denied", "Approved")]
        return c
    }()

    private static func decision(_ name: String, past: String, _ type: String, _ opposite: String) -> Command {
        var c: Command = Command(name, "\(name.capitalizedFirst) a certificate signing request")
        c.usage = "(-f FILENAME | NAME)"
        c.flags = CommonFlags.files + [CommonFlags.output, Flag("force", .bool, "Update the CSR even if it is already \(past).")]
        c.run = { i in
            let served: ServedResource = try await i.session.discovery().find("certificatesigningrequests")
            var targets: [Target] = i.arguments.map { Target(served: served, namespace: "", name: $0) }
            if i.flags.has("filename") { targets += try await TargetReader(i).read([], missing: "") }
            if targets.isEmpty { throw UsageError("one or more CSRs must be specified as <name> or -f <filename>") }
            for target in targets {
                var request: JSON = try await target.fetch(i)
                let present: [JSON] = request.status.conditions.elements
                if present.contains(where: { $0.type.text == opposite }) {
                    throw UsageError("certificate signing request \"\(target.name)\" is already \(opposite)")
                }
                if !present.contains(where: { $0.type.text == type }) || i.flags.bool("force") {
                    let now: String = Timestamp.now.rfc3339
                    request.status.conditions = .array(
                        present.filter { $0.type.text != type } + [
                            [
                                "type": .string(type), "status": "True", "reason": .string("Kubectl\(name.capitalizedFirst)"),
                                "message": .string("This CSR was \(past) by kubectl certificate \(name)."),
                                "lastUpdateTime": .string(now),
                            ]
                        ])
                    request = try await i.session.connection().send("PUT", served.path(namespace: "", target.name, "approval"), request)
                }
                try await Outcome(i).report(served, request, verb: past)
            }
        }
        return c
    }
}
