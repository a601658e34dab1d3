// Small plans as tables: ranking, graph, endpoints, nodes, schedules, quotas.

import KubeBase
import KubeModel
import KubeWire
import Testing

@testable import KubeControllers

@Suite struct DeletionRankTests {
    private let now: Timestamp = Timestamp(seconds: 1_700_000_000)

    private func pod(
        _ name: String, node: String = "n", phase: String = "Running", ready: Bool = true, readyFor: Int64 = 1000,
        age: Int64 = 2000, restarts: Int = 0, cost: String? = nil
    ) -> JSON {
        var p: JSON = ["metadata": ["name": .string(name), "uid": .string(name)], "spec": [:]]
        if !node.isEmpty { p.spec.nodeName = .string(node) }
        p.metadata.creationTimestamp = .string((now - .seconds(age)).rfc3339)
        if let cost { p.metadata.annotations["controller.kubernetes.io/pod-deletion-cost"] = .string(cost) }
        p.status.phase = .string(phase)
        p.status.conditions = [
            [
                "type": "Ready", "status": ready ? "True" : "False",
                "lastTransitionTime": .string((now - .seconds(readyFor)).rfc3339),
            ]
        ]
        p.status.containerStatuses = [["restartCount": JSON(restarts)]]
        return p
    }

    @Test func firstToGo() {
        let pods: [(JSON, Int)] = [
            (pod("unassigned", node: ""), 0), (pod("pending", phase: "Pending", ready: false), 0),
            (pod("unknown", phase: "Unknown", ready: false), 0), (pod("unready", ready: false), 0),
            (pod("cheap", cost: "-5"), 0), (pod("doubled"), 3), (pod("fresh", readyFor: 2), 0),
            (pod("restarted", restarts: 4), 0), (pod("young", age: 1100), 0), (pod("steady"), 0),
        ]
        let order: [String] = pods.shuffled().map { (DeletionRank($0.0, doubles: $0.1, now: now), $0.0) }
            .sorted { $0.0 < $1.0 }.map { $0.1.metadata.name.text }
        #expect(
            order == [
                "unassigned", "pending", "unknown", "unready", "cheap", "doubled", "fresh", "restarted", "steady",
                "young",
            ])
    }

    @Test func replicaSetCountsOnlyActivePods() {
        var set: JSON = ["metadata": ["uid": "s"], "spec": ["replicas": 3]]
        var gone: JSON = pod("gone")
        gone.metadata.deletionTimestamp = .string(now.rfc3339)
        let pods: [JSON] = [pod("a"), pod("b"), gone, pod("done", phase: "Succeeded")]
        let plan: ReplicaSetPlan = .make(ReplicaSetView(set: set, pods: pods, relatedPerNode: [:], now: now))
        #expect(plan.create == 1)
        set.spec.replicas = 1
        let less: ReplicaSetPlan = .make(ReplicaSetView(set: set, pods: pods, relatedPerNode: [:], now: now))
        #expect(less.delete.count == 1)
        set.metadata.deletionTimestamp = .string(now.rfc3339)
        #expect(ReplicaSetPlan.make(ReplicaSetView(set: set, pods: pods, relatedPerNode: [:], now: now)).create == 0)
    }
}

@Suite struct OwnerGraphTests {
    private static let gvr: GroupVersionResource = GroupVersionResource("v1", "pods")
    private func object(
        _ uid: String, owners: [String] = [], namespace: String = "a", blocking: Bool = false, deleting: Bool = false,
        finalizers: [String] = []
    ) -> OwnedObject {
        var o: JSON = ["metadata": ["name": .string(uid), "namespace": .string(namespace), "uid": .string(uid)]]
        o.metadata.ownerReferences = .array(
            owners.map {
                [
                    "apiVersion": "v1", "kind": "Pod", "name": .string($0), "uid": .string($0),
                    "blockOwnerDeletion": .bool(blocking),
                ]
            })
        if deleting { o.metadata.deletionTimestamp = "2024-01-01T00:00:00Z" }
        o.metadata.finalizers = JSON(finalizers)
        return OwnedObject(o, Self.gvr)
    }

    @Test func deletionOfAnOwnerRaisesSuspicionOnItsDependents() {
        var g: OwnerGraph = OwnerGraph()
        var tasks: [CollectorTask] = g.upsert(object("o"), isComplete: true)
        tasks += g.upsert(object("d1", owners: ["o"]), isComplete: true)
        tasks += g.upsert(object("d2", owners: ["o"]), isComplete: true)
        #expect(tasks.isEmpty)
        #expect(Set(g.remove("o")) == [.check("d1"), .check("d2")])
    }

    @Test func unknownOwnersAreSuspectOnlyOnceAllIsListed() {
        var g: OwnerGraph = OwnerGraph()
        #expect(g.upsert(object("d", owners: ["late"]), isComplete: false) == [])
        #expect(g.suspects() == [.check("d")])
        _ = g.upsert(object("late"), isComplete: false)
        #expect(g.suspects() == [])
        #expect(g.upsert(object("e", owners: ["never"]), isComplete: true) == [.check("e")])
        _ = g.upsert(object("far", namespace: "b"), isComplete: true)
        #expect(g.upsert(object("f", owners: ["far"]), isComplete: true) == [.check("f")])
    }

    @Test func foregroundDeletionVisitsDependentsAndThenTheOwner() {
        var g: OwnerGraph = OwnerGraph()
        _ = g.upsert(object("o"), isComplete: true)
        _ = g.upsert(object("d", owners: ["o"], blocking: true), isComplete: true)
        let tasks: [CollectorTask] = g.upsert(
            object("o", deleting: true, finalizers: ["foregroundDeletion"]), isComplete: true)
        #expect(tasks == [.check("d"), .check("o")])
        #expect(g.remove("d") == [.check("o")])
    }

    @Test func orphaningIsAskedOnce() {
        var g: OwnerGraph = OwnerGraph()
        let o: OwnedObject = object("o", deleting: true, finalizers: ["orphan"])
        #expect(g.upsert(o, isComplete: true) == [.orphan("o")])
        #expect(g.upsert(o, isComplete: true) == [])
    }

    @Test func verdicts() {
        let o: JSON = ["metadata": [:]]
        func verdict(_ states: [OwnerState], dependents: Bool = false, waiting: Bool = false) -> CollectorPlan.Verdict {
            CollectorPlan.verdict(
                o, owners: states.enumerated().map { ("u\($0.offset)", $0.element) }, hasDependents: dependents,
                hasWaitingDependents: waiting)
        }
        #expect(verdict([]) == .keep)
        #expect(verdict([.solid]) == .keep)
        #expect(verdict([.solid, .dangling]) == .unreference(["u1"]))
        #expect(verdict([.dangling, .dangling]) == .delete(policy: "Background", unblocks: false))
        #expect(verdict([.waiting]) == .delete(policy: "Background", unblocks: false))
        #expect(verdict([.waiting, .dangling], dependents: true) == .delete(policy: "Foreground", unblocks: false))
        #expect(verdict([.waiting], dependents: true, waiting: true) == .delete(policy: "Foreground", unblocks: true))
    }
}

@Suite struct EndpointPlanTests {
    private func service(_ change: (inout JSON) -> Void = { _ in }) -> JSON {
        var s: JSON = [
            "metadata": ["name": "web", "namespace": "default", "uid": "s"],
            "spec": [
                "selector": ["app": "web"], "clusterIP": "10.96.0.1", "ipFamilies": ["IPv4"],
                "ports": [["name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"]],
            ],
        ]
        change(&s)
        return s
    }
    private func pod(_ n: Int, ready: Bool = true, port: Int = 8080, _ change: (inout JSON) -> Void = { _ in }) -> JSON
    {
        var p: JSON = [
            "metadata": ["name": .string("p\(n)"), "namespace": "default", "uid": .string("u\(n)")],
            "spec": [
                "nodeName": "n1",
                "containers": [["ports": [["name": "http", "containerPort": JSON(port), "protocol": "TCP"]]]],
            ],
            "status": [
                "phase": "Running", "podIP": .string("10.0.\(n / 250).\(n % 250)"),
                "conditions": [["type": "Ready", "status": ready ? "True" : "False"]],
            ],
        ]
        change(&p)
        return p
    }
    private func plan(_ s: JSON, _ pods: [JSON], _ slices: [JSON] = []) -> EndpointSlicePlan {
        EndpointSlicePlan.make(EndpointSliceView(service: s, pods: pods, slices: slices, zones: ["n1": "z"]))
    }

    @Test func conditionsAndPorts() {
        let pods: [JSON] = [
            pod(1), pod(2, ready: false),
            pod(3) { $0.metadata.deletionTimestamp = "2024-01-01T00:00:00Z" }, pod(4) { $0.status.phase = "Succeeded" },
            pod(5) { $0.status.podIP = .null },
        ]
        let slice: JSON = plan(service(), pods).create[0]
        #expect(slice.ports[0].port.asInt == 8080)
        #expect(slice.ports[0].name.text == "http")
        #expect(slice.addressType.text == "IPv4")
        let e: [JSON] = slice.endpoints.elements
        #expect(e.count == 3)
        #expect(e[0].conditions == ["ready": true, "serving": true, "terminating": false])
        #expect(e[1].conditions == ["ready": false, "serving": false, "terminating": false])
        #expect(e[2].conditions == ["ready": false, "serving": true, "terminating": true])
        #expect(e[0].zone.text == "z")
        #expect(e[0].targetRef.name.text == "p1")
        let published: JSON = plan(service { $0.spec.publishNotReadyAddresses = true }, pods).create[0]
        #expect(published.endpoints.elements.allSatisfy { $0.conditions.ready.isTrue })
    }

    @Test func hundredPerSliceAndNoNeedlessWrites() {
        let pods: [JSON] = (0..<250).map { pod($0) }
        var slices: [JSON] = plan(service(), pods).create
        #expect(slices.map { $0.endpoints.elements.count } == [100, 100, 50])
        for i in slices.indices {
            slices[i].metadata.name = .string("web-\(i)")
            slices[i].metadata.uid = .string("e\(i)")
        }
        #expect(plan(service(), pods, slices) == EndpointSlicePlan())
        let fewer: EndpointSlicePlan = plan(service(), Array(pods.dropFirst()), slices)
        #expect(fewer.create.isEmpty && fewer.delete.isEmpty)
        #expect(fewer.update.map { $0.metadata.name.text } == ["web-0"])
        let more: EndpointSlicePlan = plan(service(), pods + [pod(250)], slices)
        #expect(more.update.map { $0.metadata.name.text } == ["web-2"])
        let none: EndpointSlicePlan = plan(service(), [], slices)
        #expect(none.delete.count == 2)
        #expect(none.update.count == 1)
    }

    @Test func podsWithOtherPortNumbersHaveTheirOwnSlice() {
        let slices: [JSON] = plan(service(), [pod(1), pod(2, port: 9090)]).create
        #expect(Set(slices.map { $0.ports[0].port.asInt ?? 0 }) == [8080, 9090])
    }

    @Test func headlessHostnames() {
        let s: JSON = service {
            $0.spec.clusterIP = "None"
            $0.spec.ports = .null
        }
        let p: JSON = pod(1) {
            $0.spec.hostname = "web-0"
            $0.spec.subdomain = "web"
        }
        let slice: JSON = plan(s, [p]).create[0]
        #expect(slice.endpoints[0].hostname.text == "web-0")
        #expect(slice.metadata.labels["service.kubernetes.io/headless"].exists)
        let endpoints: JSON = EndpointsPlan.make(service: s, pods: [p, pod(2, ready: false)], present: nil)
        #expect(endpoints.subsets[0].addresses[0].hostname.text == "web-0")
        #expect(endpoints.subsets[0].notReadyAddresses.elements.count == 1)
        #expect(!endpoints.subsets[0].ports.exists)
    }
}

@Suite struct NodePlanTests {
    private let now: Timestamp = Timestamp(seconds: 1_700_000_000)
    private func node(_ ready: String?, taints: [JSON] = []) -> JSON {
        var n: JSON = ["metadata": ["name": "n"]]
        if let ready { n.status.conditions = [["type": "Ready", "status": .string(ready)]] }
        if !taints.isEmpty { n.spec.taints = .array(taints) }
        return n
    }
    private func keys(_ taints: [JSON]) -> [String] {
        taints.map { "\($0.key.text.split(separator: "/").last!):\($0.effect.text)" }
    }

    @Test func taintsFollowConditions() {
        let other: JSON = ["key": "dedicated", "effect": "NoExecute"]
        let unreachable: JSON = ["key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "x"]
        #expect(
            keys(NodePlan.taints(node("True", taints: [other, unreachable]), evicts: true, now: now)) == [
                "dedicated:NoExecute"
            ])
        #expect(
            keys(NodePlan.taints(node("Unknown", taints: [unreachable]), evicts: true, now: now))
                == ["unreachable:NoExecute", "unreachable:NoSchedule"])
        #expect(keys(NodePlan.taints(node("False"), evicts: false, now: now)) == ["not-ready:NoSchedule"])
        #expect(keys(NodePlan.taints(node(nil), evicts: true, now: now)) == ["not-ready:NoSchedule"])
        var pressed: JSON = node("True")
        pressed.status.conditions.elements.append(["type": "DiskPressure", "status": "True"])
        pressed.spec.unschedulable = true
        #expect(
            keys(NodePlan.taints(pressed, evicts: true, now: now))
                == ["disk-pressure:NoSchedule", "unschedulable:NoSchedule"])
    }

    @Test func silenceIsUnknown() {
        let status: JSON? = NodePlan.statusWhenSilent(node("True"), now: now)
        let ready: JSON? = status.flatMap { Conditions.find($0.conditions.elements, "Ready") }
        #expect(ready?.status.text == "Unknown")
        #expect(ready?.reason.text == "NodeStatusUnknown")
        #expect(ready?.message.text == "Kubelet stopped posting node status.")
        var known: JSON = node("True")
        known.status = status!
        #expect(NodePlan.statusWhenSilent(known, now: now) == nil)
    }

    @Test func heartbeatsCountByOurClock() {
        var h: NodeHeartbeats = NodeHeartbeats()
        h.status("n", beat: "a", now: now)
        #expect(h.timeLeft("n", grace: .seconds(40), now: now + .seconds(30)) == .seconds(10))
        h.lease("n", renewed: "r1", now: now + .seconds(30))
        h.lease("n", renewed: "r1", now: now + .seconds(60))
        #expect(h.timeLeft("n", grace: .seconds(40), now: now + .seconds(60)) == .seconds(10))
        #expect(h.timeLeft("n", grace: .seconds(40), now: now + .seconds(71)) < .zero)
    }

    @Test func evictionTimes() {
        let taint: JSON = [
            "key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": .string(now.rfc3339),
        ]
        func deadline(_ tolerations: [JSON]) -> Timestamp? {
            TaintEviction.deadline(
                ["spec": ["tolerations": .array(tolerations)]], taints: [taint], seen: now, now: now + .seconds(5))
        }
        #expect(deadline([]) == now + .seconds(5))
        #expect(deadline([["key": "node.kubernetes.io/unreachable", "operator": "Exists"]]) == nil)
        #expect(
            deadline([["key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 300]])
                == now + .seconds(300))
        #expect(deadline([["operator": "Exists", "effect": "NoSchedule"]]) == now + .seconds(5))
    }

    /// kubectl's taints tell no time: what is left counts from when the pod was first seen, not anew at each look.
    @Test func evictionCountsFromTheFirstLook() {
        let pod: JSON = ["spec": ["tolerations": .array([["operator": "Exists", "tolerationSeconds": 2]])]]
        for later in [0, 1, 5] {
            let end: Timestamp? = TaintEviction.deadline(
                pod, taints: [["key": "k", "effect": "NoExecute"]], seen: now, now: now + .seconds(later))
            #expect(end == now + .seconds(2))
        }
    }

    @Test func blocksOfAddresses() {
        var blocks: NodeCIDRs? = NodeCIDRs(cluster: "10.244.0.0/16", blockMask: 24)
        blocks?.occupy("10.244.0.0/24")
        blocks?.occupy("10.244.2.0/23")
        let first: [String?] = (0..<3).map { _ in blocks?.allocate() }
        #expect(first == ["10.244.1.0/24", "10.244.4.0/24", "10.244.5.0/24"])
        var small: NodeCIDRs? = NodeCIDRs(cluster: "10.0.0.0/23", blockMask: 24)
        let all: [String?] = (0..<3).map { _ in small?.allocate() }
        #expect(all == ["10.0.0.0/24", "10.0.1.0/24", nil])
        #expect(NodeCIDRs(cluster: "nonsense", blockMask: 24) == nil)
        #expect(NodeCIDRs(cluster: "10.0.0.0/24", blockMask: 16) == nil)
    }

    @Test func podsNobodyElseRemoves() {
        let orphan: JSON = [
            "metadata": ["name": "o", "uid": "o"], "spec": ["nodeName": "gone"], "status": ["phase": "Running"],
        ]
        let unscheduled: JSON = ["metadata": ["name": "u", "uid": "u", "deletionTimestamp": "x"], "spec": [:]]
        let fine: JSON = [
            "metadata": ["name": "f", "uid": "f"], "spec": ["nodeName": "n"], "status": ["phase": "Running"],
        ]
        func plan(since: Timestamp?) -> PodGCPlan {
            PodGCPlan.make(
                PodGCView(
                    pods: [orphan, unscheduled, fine], nodes: ["n": node("True")],
                    missedSince: since.map { ["gone": $0] } ?? [:], terminatedMax: 100, now: now))
        }
        #expect(plan(since: nil).remove.map { $0.pod.metadata.name.text } == ["u"])
        #expect(plan(since: nil).next == .seconds(40))
        let late: PodGCPlan = plan(since: now - .seconds(41))
        #expect(late.remove.map { $0.pod.metadata.name.text } == ["o", "u"])
        #expect(late.remove[0].message == "PodGC: node no longer exists")
    }
}

@Suite struct CronTests {
    private func next(_ schedule: String, _ after: String, zone: String = "UTC") -> String? {
        guard let s = CronSchedule(schedule), let z = TimeZoneRules.named(zone), let t = Timestamp(rfc3339: after)
        else {
            return "malformed"
        }
        return s.next(after: t, z)?.rfc3339
    }

    @Test(arguments: [
        ("*/15 * * * *", "2024-02-28T23:50:01Z", "2024-02-29T00:00:00Z"),
        ("0 9-17 * * MON-FRI", "2024-03-01T17:30:00Z", "2024-03-04T09:00:00Z"),
        ("30 4 1,15 * 5", "2024-03-02T00:00:00Z", "2024-03-08T04:30:00Z"),
        ("0 0 29 2 *", "2024-03-01T00:00:00Z", "2028-02-29T00:00:00Z"),
        ("0 0 * * 7", "2024-03-01T00:00:00Z", "2024-03-03T00:00:00Z"),
        ("@hourly", "2024-03-01T10:59:59Z", "2024-03-01T11:00:00Z"),
        ("5/20 * * * *", "2024-03-01T10:06:00Z", "2024-03-01T10:25:00Z"),
        ("0 12 * jan *", "2024-03-01T10:06:00Z", "2025-01-01T12:00:00Z"),
    ])
    func dueTimes(schedule: String, after: String, due: String) { #expect(next(schedule, after) == due) }

    @Test(arguments: [
        "", "* * * *", "60 * * * *", "* 24 * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *", "@often", "* * 0 * *",
    ])
    func malformed(text: String) { #expect(CronSchedule(text) == nil) }

    @Test func impossibleDatesEnd() { #expect(next("0 0 30 2 *", "2024-01-01T00:00:00Z") == nil) }

    @Test func zonesShift() {
        guard TimeZoneRules.named("Europe/Berlin") != nil else { return }
        #expect(next("0 9 * * *", "2024-01-10T00:00:00Z", zone: "Europe/Berlin") == "2024-01-10T08:00:00Z")
        #expect(next("0 9 * * *", "2024-07-10T00:00:00Z", zone: "Europe/Berlin") == "2024-07-10T07:00:00Z")
        #expect(TimeZoneRules.named("../../etc/passwd") == nil)
    }

    @Test func concurrencyAndHistory() {
        let now: Timestamp = Timestamp(rfc3339: "2024-03-01T10:00:30Z")!
        func job(_ name: String, _ done: String?) -> JSON {
            var j: JSON = [
                "metadata": ["name": .string(name), "uid": .string(name)], "status": ["startTime": .string(name)],
            ]
            if let done { j.status.conditions = [["type": .string(done), "status": "True"]] }
            return j
        }
        var c: JSON = [
            "metadata": ["name": "c", "namespace": "d", "uid": "c", "creationTimestamp": "2024-03-01T09:59:10Z"],
            "spec": ["schedule": "* * * * *", "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 0],
        ]
        func plan(_ jobs: [JSON]) -> CronJobPlan {
            CronJobPlan.make(
                CronJobView(cronJob: c, jobs: jobs, schedule: CronSchedule("* * * * *")!, zone: .utc, now: now))
        }
        #expect(plan([]).create?.metadata.name.text == "c-\(Timestamp(rfc3339: "2024-03-01T10:00:00Z")!.seconds / 60)")
        #expect(plan([]).next == .milliseconds(30_100))
        let history: CronJobPlan = plan([job("1", "Complete"), job("2", "Complete"), job("3", "Failed")])
        #expect(history.cleanUp.map { $0.metadata.name.text } == ["1", "3"])
        c.spec.concurrencyPolicy = "Forbid"
        #expect(plan([job("x", nil)]).create == nil)
        #expect(plan([job("x", nil)]).events.last?.reason == "JobAlreadyActive")
        c.spec.concurrencyPolicy = "Replace"
        #expect(plan([job("x", nil)]).replace.count == 1)
        c.spec.suspend = true
        #expect(plan([]).create == nil)
    }
}

@Suite struct SmallerPlanTests {
    @Test func budgets() {
        let now: Timestamp = Timestamp(seconds: 1_700_000_000)
        func pod(_ n: Int, ready: Bool = true) -> JSON {
            [
                "metadata": ["name": .string("p\(n)")],
                "status": ["conditions": [["type": "Ready", "status": ready ? "True" : "False"]]],
            ]
        }
        func status(_ spec: JSON, _ pods: [JSON], scale: Int?) -> JSON {
            DisruptionPlan.status(
                DisruptionView(budget: ["metadata": [:], "spec": spec], pods: pods, expectedScale: scale, now: now)
            ).status
        }
        let four: [JSON] = (0..<4).map { pod($0) }
        #expect(status(["minAvailable": 3], four, scale: nil).disruptionsAllowed.asInt == 1)
        #expect(status(["maxUnavailable": "30%"], four, scale: 4).disruptionsAllowed.asInt == 2)
        #expect(status(["maxUnavailable": 0], four, scale: 4).disruptionsAllowed.asInt == 0)
        #expect(status(["minAvailable": "100%"], four + [pod(9, ready: false)], scale: 5).disruptionsAllowed.asInt == 0)
        let failed: JSON = status(["maxUnavailable": 1], four, scale: nil)
        #expect(failed.conditions[0].reason.text == "SyncFailed")
    }

    @Test func podUsage() {
        let pod: JSON = [
            "spec": [
                "initContainers": [["resources": ["requests": ["cpu": "2", "memory": "10Mi"]]]],
                "containers": [
                    ["resources": ["requests": ["cpu": "500m"], "limits": ["memory": "1Gi"]]],
                    ["resources": ["requests": ["cpu": "250m"], "limits": ["memory": "1Gi"]]],
                ],
            ]
        ]
        let use: [String: Quantity] = QuotaUsage.pod(pod)
        #expect(use["requests.cpu"]?.description == "2")
        #expect(use["cpu"]?.description == "2")
        #expect(use["limits.memory"]?.description == "2Gi")
        #expect(use["requests.memory"]?.description == "10Mi")
        var done: JSON = pod
        done.status.phase = "Succeeded"
        #expect(QuotaUsage.pod(done)["pods"] == nil)
    }

    @Test func bestVolume() {
        func volume(_ name: String, _ size: String, _ change: (inout JSON) -> Void = { _ in }) -> JSON {
            var v: JSON = [
                "metadata": ["name": .string(name)],
                "spec": [
                    "capacity": ["storage": .string(size)], "accessModes": ["ReadWriteOnce"], "storageClassName": "a",
                ],
                "status": ["phase": "Available"],
            ]
            change(&v)
            return v
        }
        let claim: JSON = [
            "metadata": ["name": "c", "namespace": "n", "uid": "u"],
            "spec": [
                "accessModes": ["ReadWriteOnce"], "storageClassName": "a",
                "resources": ["requests": ["storage": "2Gi"]],
            ],
        ]
        let all: [JSON] = [
            volume("small", "1Gi"), volume("big", "9Gi"), volume("fit", "3Gi"),
            volume("other", "2Gi") { $0.spec.storageClassName = "b" },
            volume("taken", "2Gi") { $0.spec.claimRef = ["name": "x", "namespace": "n", "uid": "y"] },
        ]
        #expect(VolumeMatch.best(claim, all, node: nil)?.metadata.name.text == "fit")
        let reserved: JSON = volume("reserved", "9Gi") { $0.spec.claimRef = ["name": "c", "namespace": "n"] }
        #expect(VolumeMatch.best(claim, all + [reserved], node: nil)?.metadata.name.text == "reserved")
        #expect(VolumeMatch.best(claim, [all[0]], node: nil) == nil)
    }

    @Test func canonicalForms() {
        #expect(Canonical.equal(["a": [:], "b": 1], ["b": 1, "c": .null]))
        #expect(!Canonical.equal(["b": 1], ["b": 2]))
        let one: JSON = ["spec": ["x": 1, "y": [:]]]
        let two: JSON = ["spec": ["x": 1]]
        #expect(Canonical.hash(one, collisionCount: nil) == Canonical.hash(two, collisionCount: nil))
        #expect(Canonical.hash(one, collisionCount: 0) != Canonical.hash(one, collisionCount: 1))
    }
}
