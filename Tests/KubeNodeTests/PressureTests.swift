// Who goes when the node runs short, which images go, what static pods and forbidden kernel parameters become.

import KubeBase
import KubeModel
import KubeWire
import Testing

@testable import KubeNode

@Suite struct PressureTests {
    private let now: Timestamp = Timestamp(seconds: 1_000_000)

    @Test func thresholds() {
        var r: Pressure.Reading = Pressure.Reading()
        r.memoryAvailable = 100 << 20
        r.disk = (1000 << 20, 20 << 20)
        r.inodes = (1000, 10)
        r.pids = (1000, 950)
        #expect(Pressure(r).shortages.isEmpty)
        r.memoryAvailable = 100 << 20 - 1
        r.disk?.available = 20 << 20 - 1024 * 1024
        r.inodes?.free = 9
        r.pids?.used = 951
        let p: Pressure = Pressure(r)
        #expect(p.shortages.map { $0.signal } == [.memory, .disk, .inodes, .pids])
        #expect(p.isMemoryShort && p.isDiskShort && p.isPIDShort)
        #expect(p.shortages[0].threshold == "100Mi")
        #expect(p.shortages[3].available == "49")
        #expect(!Pressure(Pressure.Reading()).isMemoryShort)
    }

    @Test func conditionsAreHeldForAWhile() {
        var r: Pressure.Reading = Pressure.Reading()
        r.memoryAvailable = 1
        var memory: PressureMemory = PressureMemory()
        #expect(memory.on(Pressure(r), now: now).isMemoryShort)
        let well: Pressure = Pressure()
        #expect(memory.on(well, now: now + .seconds(299)).isMemoryShort)
        #expect(memory.on(well, now: now + .seconds(299)).shortages.isEmpty)
        #expect(!memory.on(well, now: now + .seconds(300)).isMemoryShort)
    }

    private func pod(_ uid: String, _ priority: Int = 0, _ change: (inout EvictionCandidate) -> Void)
        -> EvictionCandidate
    {
        var c: EvictionCandidate = EvictionCandidate(uid: uid, priority: priority)
        change(&c)
        return c
    }

    @Test func ranking() {
        let under: EvictionCandidate = pod("under") {
            $0.memoryBytes = 900
            $0.memoryRequest = 1000
            $0.processes = 50
        }
        let over: EvictionCandidate = pod("over") {
            $0.memoryBytes = 20
            $0.memoryRequest = 10
            $0.diskBytes = 5
        }
        let further: EvictionCandidate = pod("further") {
            $0.memoryBytes = 40
            $0.memoryRequest = 10
            $0.diskBytes = 3
        }
        let dear: EvictionCandidate = pod("dear", 100) { $0.memoryBytes = 5000 }
        let critical: EvictionCandidate = pod("critical", 2_000_000_000) {
            $0.isCritical = true
            $0.memoryBytes = 9000
        }
        let all: [EvictionCandidate] = [under, critical, over, dear, further]
        #expect(EvictionPlan.victim(all, short: .memory)?.uid == "further")
        // Over its request counts before a low priority.
        #expect(EvictionPlan.victim([under, dear], short: .memory)?.uid == "dear")
        #expect(EvictionPlan.victim([over, dear], short: .memory)?.uid == "over")
        #expect(EvictionPlan.victim(all, short: .disk)?.uid == "over")
        #expect(EvictionPlan.victim(all, short: .pids)?.uid == "under")
        #expect(EvictionPlan.victim([critical], short: .memory) == nil)
        #expect(EvictionPlan.victim([], short: .memory) == nil)
    }

    @Test func imagesGoLongestUnusedFirst() {
        func image(_ id: String, used: Bool = false, last: Int64 = 0, first: Int64 = 0, pinned: Bool = false)
            -> StoredImage
        {
            StoredImage(
                id: id, bytes: 10, firstSeenAt: Timestamp(seconds: first), lastUsedAt: Timestamp(seconds: last),
                isUsed: used, isPinned: pinned)
        }
        let all: [StoredImage] = [
            image("used", used: true), image("late", last: 900), image("early", last: 100),
            image("new", first: 1_000_000 - 60), image("pause", pinned: true),
        ]
        func gone(_ bytes: Int64?) -> [String] {
            ImageCollectionPlan.remove(all, freeing: bytes, now: now).map { $0.id }
        }
        #expect(gone(5) == ["early"])
        #expect(gone(11) == ["early", "late"])
        #expect(gone(nil) == ["early", "late"])
        #expect(gone(0) == [])
    }

    @Test func anEvictedPodTellsWhyAndGoesFast() {
        let pod: JSON = [
            "metadata": ["name": "p", "namespace": "n", "uid": "u"],
            "spec": ["terminationGracePeriodSeconds": 60, "containers": [["name": "c", "image": "x:1"]]],
        ]
        var w: PodWorker = PodWorker(pod: pod, now: now)
        _ = w.on(.evicted(reason: "Evicted", message: "low"), now: now)
        #expect(w.graceSeconds == 1)
        #expect(w.status.reason.text == "Evicted")
        let c: JSON? = w.status.conditions.elements.first { $0.type.text == "DisruptionTarget" }
        #expect(c?.reason.text == "TerminationByKubelet" && c?.message.text == "low")
    }

    @Test func staticPods() throws {
        let text: String = """
            apiVersion: v1
            kind: Pod
            metadata: {name: web}
            spec: {containers: [{name: c, image: nginx}]}
            """
        let pod: JSON = try StaticPods.pod(text, file: "/m/web.yaml", nodeName: "n1")
        #expect(pod.meta.name == "web-n1" && pod.meta.namespace == "default" && pod.spec.nodeName.text == "n1")
        #expect(pod.meta.uid.utf8.count == 32 && StaticPods.isStatic(pod) && !StaticPods.isMirror(pod))
        #expect(pod.spec.tolerations.elements.contains(["operator": "Exists", "effect": "NoExecute"]))
        // Defaulted as the API would.
        #expect(pod.spec.restartPolicy.text == "Always")
        let same: JSON = try StaticPods.pod(text, file: "/m/web.yaml", nodeName: "n1")
        let other: JSON = try StaticPods.pod(text + " ", file: "/m/web.yaml", nodeName: "n1")
        #expect(same.meta.uid == pod.meta.uid && other.meta.uid != pod.meta.uid)
        for bad in ["", "kind: Pod", "apiVersion: v1\nkind: Service", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}"] {
            #expect(throws: (any Error).self, "\(bad)") { try StaticPods.pod(bad, file: "f", nodeName: "n") }
        }
    }

    @Test(arguments: [
        ("kernel.shm_rmid_forced", false, ""), ("net/ipv4/tcp_syncookies", false, ""),
        ("kernel.msgmax", false, "forbidden sysctl: \"kernel.msgmax\" not allowlisted"),
        ("net.ipv4.tcp_syncookies", true,
            "forbidden sysctl: \"net.ipv4.tcp_syncookies\" not allowed with host net enabled"),
        ("vm.swappiness", false, "forbidden sysctl: \"vm.swappiness\" not allowlisted"),
    ])
    func sysctls(name: String, hostNetwork: Bool, message: String) {
        let pod: JSON = [
            "spec": [
                "hostNetwork": JSON(hostNetwork),
                "securityContext": ["sysctls": [["name": .string(name), "value": "1"]]],
            ]
        ]
        #expect(SysctlRules.refusal(of: pod)?.message ?? "" == message)
        #expect(SysctlRules.refusal(of: pod, allowed: ["kernel.msg*", "vm.swappiness", "net.*"]) == nil || hostNetwork)
    }

    @Test func hostnames() {
        var pod: JSON = ["metadata": ["name": "a", "namespace": "n"], "spec": ["hostname": "h", "subdomain": "s"]]
        #expect(PodNames.sandboxHostname(pod, clusterDomain: "cluster.local") == "h")
        pod.spec.setHostnameAsFQDN = true
        #expect(PodNames.sandboxHostname(pod, clusterDomain: "cluster.local") == "h.s.n.svc.cluster.local")
        pod.spec.hostnameOverride = "own.example"
        #expect(PodNames.sandboxHostname(pod, clusterDomain: "cluster.local") == "own.example")
    }
}
