// apiserver_flowcontrol_*: what priority levels let through, keep waiting and refuse.

import KubeBase

final class FairnessMetrics: Sendable {
    private static let waitBuckets: [Double] = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30]
    private let wait: MetricHistogram = MetricHistogram(
        "apiserver_flowcontrol_request_wait_duration_seconds",
        "[BETA] Length of time a request spent waiting in its queue",
        labels: ["execute", "flow_schema", "priority_level"],
        buckets: waitBuckets)

    func waited(_ seconds: Double, execute: Bool, schema: String, level: String) {
        wait.observe([execute ? "true" : "false", schema, level], seconds)
    }

    func register(_ fairness: Fairness, in registry: MetricRegistry) {
        registry.add(wait)
        FairnessMetrics.counts(fairness, registry)
        func levels(
            _ name: String, _ help: String, _ value: @escaping @Sendable (FairnessBrain.Level) -> Int
        ) {
            registry.add(
                MetricReading("apiserver_flowcontrol_" + name, help) { [unowned fairness] out in
                    for level in fairness.view.levels where !level.isLeaving {
                        out.sample(Double(value(level)), [("priority_level", level.settings.name)])
                    }
                })
        }
        levels("nominal_limit_seats", "[BETA] Nominal number of execution seats configured for each priority level") {
            $0.range.nominal
        }
        levels(
            "lower_limit_seats",
            "[ALPHA] Configured lower bound on number of execution seats available to each priority level"
        ) {
            $0.range.lower
        }
        levels(
            "upper_limit_seats",
            "[ALPHA] Configured upper bound on number of execution seats available to each priority level"
        ) {
            $0.range.upper
        }
        levels(
            "current_limit_seats", "[ALPHA] current derived number of execution seats available to each priority level"
        ) {
            $0.limit
        }
        levels("demand_seats_smoothed", "[ALPHA] Smoothed seat demands") { Int($0.demand.smoothed) }
        levels("demand_seats_high_watermark", "[ALPHA] High watermark, over last adjustment period, of demand_seats") {
            $0.demand.high
        }
    }

    private static func counts(_ fairness: Fairness, _ registry: MetricRegistry) {
        func each(
            _ name: String, _ help: String, _ type: MetricType,
            _ value: @escaping @Sendable (FairnessBrain.Counts) -> Int
        ) {
            registry.add(
                MetricReading("apiserver_flowcontrol_" + name, help, type: type) { [unowned fairness] out in
                    let view: FairnessBrain = fairness.view
                    for (names, counts) in zip(view.countNames, view.counts) {
                        out.sample(
                            Double(value(counts)), [("flow_schema", names.schema), ("priority_level", names.level)])
                    }
                })
        }
        each(
            "dispatched_requests_total", "[BETA] Number of requests executed by API Priority and Fairness subsystem",
            .counter
        ) { $0.dispatched }
        each(
            "current_inqueue_requests",
            "[BETA] Number of requests currently pending in queues of the API Priority and Fairness subsystem", .gauge
        ) { $0.waiting }
        each(
            "current_executing_requests",
            "[BETA] Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API "
                + "Priority and Fairness subsystem", .gauge
        ) { $0.executing }
        each(
            "current_executing_seats",
            "[BETA] Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any "
                + "stage otherwise) requests in the API Priority and Fairness subsystem", .gauge
        ) { $0.seats }
        registry.add(
            MetricReading(
                "apiserver_flowcontrol_rejected_requests_total",
                "[BETA] Number of requests rejected by API Priority and Fairness subsystem", type: .counter
            ) { [unowned fairness] out in
                let view: FairnessBrain = fairness.view
                for (names, counts) in zip(view.countNames, view.counts) {
                    for (why, n) in counts.rejected.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                        out.sample(
                            Double(n),
                            [
                                ("flow_schema", names.schema), ("priority_level", names.level),
                                ("reason", why.rawValue),
                            ])
                    }
                }
            })
    }
}
