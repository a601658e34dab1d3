// What users are told: the address in the status, events about what is wrong.

package import KubeClient
package import KubeModel
package import KubeNet
package import KubeWire

package enum IngressStatus {
    package static func entries(_ address: IngressAddress) -> JSON {
        [[
            "ip": .string(address.host),
            "ports": [
                ["port": JSON(address.httpPort), "protocol": "TCP"],
                ["port": JSON(address.httpsPort), "protocol": "TCP"],
            ],
        ]]
    }

    /// The list to write, empty to take ours away; nil: nothing to do.
    package static func change(_ ingress: JSON, isOurs: Bool, _ address: IngressAddress) -> JSON? {
        let (now, ours): (JSON, JSON) = (ingress.status.loadBalancer.ingress, entries(address))
        if isOurs { return now == ours ? nil : ours }
        return now == ours ? [] : nil
    }
}

/// Which events have been sent, so that each is sent once for each change.
package struct EventMemory: Sendable {
    private var generations: [ObjectKey: Int] = [:]
    private var faults: [ObjectKey: Set<IngressFault>] = [:]

    package init() {}

    package mutating func news(
        _ plan: IngressPlan, generation: (ObjectKey) -> Int
    ) -> [(key: ObjectKey, kind: EventRecorder.Kind, fault: IngressFault)] {
        var out: [(key: ObjectKey, kind: EventRecorder.Kind, fault: IngressFault)] = []
        for (key, now) in plan.faults {
            let number: Int = generation(key)
            if generations.updateValue(number, forKey: key) != number {
                out.append((key, .normal, IngressFault(reason: "Sync", message: "Scheduled for sync")))
            }
            for fault in now.subtracting(faults[key] ?? []) { out.append((key, .warning, fault)) }
        }
        generations = generations.filter { plan.faults[$0.key] != nil }
        faults = plan.faults
        return out
    }
}

/// Certificates parsed once for as long as they are in use.
package struct KeyPairs: Sendable {
    private struct Source: Hashable {
        var certificatePEM: String
        var keyPEM: String
    }
    private var known: [Source: Result<TLSKeyPair, NetError>] = [:]

    package init() {}

    /// By host; those that can't be parsed become faults of their Ingress.
    package mutating func parse(_ plan: inout IngressPlan) -> [String: TLSKeyPair] {
        var next: [Source: Result<TLSKeyPair, NetError>] = [:]
        var byHost: [String: TLSKeyPair] = [:]
        for use in plan.certificates {
            let source: Source = Source(certificatePEM: use.certificatePEM, keyPEM: use.keyPEM)
            let result: Result<TLSKeyPair, NetError> =
                next[source] ?? known[source] ?? Self.pair(use.certificatePEM, use.keyPEM)
            next[source] = result
            switch result {
            case .success(let pair): for host in use.hosts where byHost[host] == nil { byHost[host] = pair }
            case .failure(let error):
                plan.fault(
                    use.ingress, "TLS", "secret \"\(use.secret.namespace)/\(use.secret.name)\" is not usable: \(error)")
            }
        }
        known = next
        return byHost
    }

    private static func pair(_ certificatePEM: String, _ keyPEM: String) -> Result<TLSKeyPair, NetError> {
        do {
            return .success(try TLSKeyPair(certificatePEM: certificatePEM, keyPEM: keyPEM))
        } catch let error as NetError {
            return .failure(error)
        } catch { return .failure(NetError(.tls, "\(error)")) }
    }
}
