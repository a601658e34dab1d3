// Who leads, by a Lease (coordination.k8s.io/v1): client-go's leader election as a value.

package import KubeBase
package import KubeWire

/// Feed it what the API shows (`observe`) and the time (`step`); it says what to write and whether we lead. Times of others
/// are not trusted: a lease is over when it has not changed for its duration by our own clock.
///
///     follower → (lease free or silent) acquire → leader → renew ⟲ → (no renewal within the deadline) lost
package struct LeaseBrain: Sendable {
    package static var leaseDuration: Duration { .seconds(15) }
    /// A leader that could not renew for this long must stop.
    package static var renewDeadline: Duration { .seconds(10) }
    package static var retryPeriod: Duration { .seconds(2) }

    package enum Action: Sendable, Equatable {
        /// No lease exists: create one with this spec.
        case create(JSON)
        /// The whole lease as observed, with its resourceVersion: a conflict means that somebody was quicker.
        case update(JSON)
        case wait(Duration)
        /// We led and may not go on.
        case lost
    }

    private let identity: String
    private var observed: JSON?
    private var observedAt: Timestamp
    private var renewedAt: Timestamp?

    package init(identity: String, now: Timestamp) {
        self.identity = identity
        observedAt = now
    }

    package var isLeader: Bool { renewedAt != nil }
    package var leader: String { observed?.spec.holderIdentity.text ?? "" }

    /// The lease as the API has it; nil when there is none.
    package mutating func observe(_ lease: JSON?, now: Timestamp) {
        if lease?.spec != observed?.spec { observedAt = now }
        observed = lease
        if leader != identity { renewedAt = nil }
    }

    /// After a write of ours succeeded, with what the API answered.
    package mutating func wrote(_ lease: JSON, now: Timestamp) {
        observed = lease
        observedAt = now
        renewedAt = now
    }

    package mutating func step(now: Timestamp) -> Action {
        if let renewedAt {
            if now - renewedAt >= Self.renewDeadline {
                self.renewedAt = nil
                return .lost
            }
            let left: Duration = (renewedAt + Self.retryPeriod) - now
            return left > .zero ? .wait(left) : .update(lease(now))
        }
        guard observed != nil else { return .create(spec(now)) }
        let left: Duration = (observedAt + Self.leaseDuration) - now
        if !leader.isEmpty, leader != identity, left > .zero { return .wait(min(left, Self.retryPeriod)) }
        return .update(lease(now))
    }

    private func lease(_ now: Timestamp) -> JSON {
        var lease: JSON = observed ?? [:]
        lease.spec = spec(now)
        return lease
    }

    private func spec(_ now: Timestamp) -> JSON {
        let old: JSON = observed?.spec ?? [:]
        let isOurs: Bool = old.holderIdentity.text == identity
        var spec: JSON = old
        spec.holderIdentity = .string(identity)
        spec.leaseDurationSeconds = JSON(Self.leaseDuration.components.seconds)
        spec.renewTime = .string(now.rfc3339Micro)
        if !isOurs || !old.acquireTime.exists { spec.acquireTime = spec.renewTime }
        if !isOurs {
            spec.leaseTransitions = JSON((old.leaseTransitions.asInt ?? 0) + (old.holderIdentity.text.isEmpty ? 0 : 1))
        }
        return spec
    }
}
