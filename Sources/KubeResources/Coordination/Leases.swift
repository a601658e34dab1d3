// Leases.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum Leases {
    private static let strategy: RuledStrategy = RuledStrategy(allowsCreateOnUpdate: true) { o, out in
        if let n = o.spec.leaseDurationSeconds.asInt, n <= 0 {
            out.invalid("spec.leaseDurationSeconds", o.spec.leaseDurationSeconds, "must be greater than 0")
        }
        if let n = o.spec.leaseTransitions.asInt, n < 0 {
            out.invalid("spec.leaseTransitions", o.spec.leaseTransitions, "must be greater than or equal to 0")
        }
    }
    static let entry: Entry = Entry(API.leases, strategy)
}
