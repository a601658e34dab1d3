// The brain of a pod: which steps follow which events.

import KubeBase
import KubeWire
import Testing

@testable import KubeNode

/// A worker with a clock and the actions it asked for.
private struct Bench {
    var worker: PodWorker
    var now: Timestamp = Timestamp(seconds: 1_000_000)
    var actions: [PodAction] = []

    init(_ spec: JSON, status: JSON = .null) {
        var pod: JSON = ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p", "namespace": "n", "uid": "u"]]
        pod.spec = spec
        pod.status = status
        worker = PodWorker(pod: pod, now: now)
    }

    @discardableResult
    mutating func on(_ event: PodEvent) -> [PodAction] {
        actions = worker.on(event, now: now).filter { if case .updateStatus = $0 { false } else { true } }
        return actions
    }
    mutating func pass(_ seconds: Int) { now = now + .seconds(seconds) }

    /// Volumes and sandbox are there.
    mutating func raise() {
        on(.podChanged(worker.pod))
        on(.volumesMounted)
        on(.sandboxStarted(SandboxSeen(id: "s0", attempt: 0, isReady: true, ips: ["10.0.0.2"], createdAt: now)))
    }
    mutating func run(_ c: String, _ id: String) {
        on(.imageReady(container: c, imageID: "i"))
        on(.created(container: c, id: id))
        on(.started(container: c, id: id, at: now))
    }
    mutating func exit(_ c: String, _ id: String, _ code: Int) {
        on(
            .exited(
                container: c,
                ContainerEnd(
                    containerID: id, exitCode: code, reason: code == 0 ? "Completed" : "Error", finishedAt: now)))
    }
    mutating func delete(grace: Int = 30) {
        var pod: JSON = worker.pod
        pod.metadata.deletionTimestamp = .string(now.rfc3339)
        pod.metadata.deletionGracePeriodSeconds = JSON(grace)
        on(.podChanged(pod))
    }
    var phase: String { worker.status.phase.text }
    func container(_ n: String) -> JSON {
        (worker.status.initContainerStatuses.elements + worker.status.containerStatuses.elements)
            .first { $0.name.text == n } ?? .null
    }
    func condition(_ type: String) -> String {
        worker.status.conditions.elements.first { $0.type.text == type }?.status.text ?? ""
    }
    func has(_ action: PodAction) -> Bool { actions.contains(action) }
    var events: [String] {
        actions.compactMap { if case .event(_, let reason, _, _) = $0 { reason } else { nil } }
    }
}

private func simple(_ policy: String = "Always", extra: JSON = [:]) -> JSON {
    var c: JSON = ["name": "c", "image": "x:1"]
    for (k, v) in extra.fields { c[k] = v }
    return ["restartPolicy": .string(policy), "containers": [c]]
}

@Suite struct PodWorkerTests {
    @Test func raisesInOrder() {
        var b: Bench = Bench([
            "restartPolicy": "Always", "initContainers": [["name": "i", "image": "x:1"]],
            "containers": [["name": "c", "image": "x:1"], ["name": "d", "image": "x:1"]],
        ])
        b.on(.podChanged(b.worker.pod))
        #expect(b.actions == [.mountVolumes])
        b.on(.volumesMounted)
        #expect(b.actions == [.runSandbox(attempt: 0)])
        b.on(.sandboxStarted(SandboxSeen(id: "s0", attempt: 0, isReady: true, ips: ["10.0.0.2"], createdAt: b.now)))
        #expect(b.actions == [.ensureImage(container: "i")])
        #expect(b.worker.status.podIP.text == "10.0.0.2")
        #expect(b.container("c").state.waiting.reason.text == "PodInitializing")
        b.run("i", "i0")
        #expect(b.condition("Initialized") == "False")
        b.exit("i", "i0", 0)
        #expect(b.has(.ensureImage(container: "c")) && b.has(.ensureImage(container: "d")))
        #expect(b.condition("Initialized") == "True")
        b.run("c", "c0")
        #expect(b.phase == "Pending")
        b.run("d", "d0")
        #expect(b.phase == "Running")
        #expect(b.condition("Ready") == "True")
    }

    @Test func backsOffFromCrashes() {
        var b: Bench = Bench(simple())
        b.raise()
        b.run("c", "0")
        b.exit("c", "0", 1)
        // The first restart is made at once.
        #expect(b.has(.ensureImage(container: "c")))
        b.run("c", "1")
        #expect(b.container("c").restartCount.asInt == 1)
        #expect(b.container("c").lastState.terminated.exitCode.asInt == 1)
        for (n, seconds) in [(1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300)] {
            b.exit("c", "\(n)", 1)
            #expect(b.container("c").state.waiting.reason.text == "CrashLoopBackOff")
            #expect(b.phase == "Running")
            #expect(b.has(.wakeAt(b.now + .seconds(seconds))))
            b.pass(seconds - 1)
            #expect(!b.on(.tick).contains(.ensureImage(container: "c")))
            b.pass(1)
            #expect(b.on(.tick).contains(.ensureImage(container: "c")))
            b.run("c", "\(n + 1)")
        }
        // Quiet for long enough: forgotten.
        b.pass(700)
        b.exit("c", "8", 1)
        #expect(b.has(.ensureImage(container: "c")))
    }

    @Test(arguments: [("Never", 0, "Succeeded"), ("Never", 2, "Failed"), ("OnFailure", 0, "Succeeded")])
    func ends(policy: String, code: Int, phase: String) {
        var b: Bench = Bench(simple(policy))
        b.raise()
        b.run("c", "0")
        b.exit("c", "0", code)
        #expect(b.phase == phase)
        #expect(b.has(.stopSandbox(id: "s0")))
        b.on(.sandboxStopped(id: "s0"))
        #expect(b.has(.unmountVolumes))
        b.on(.volumesUnmounted)
        #expect(b.actions.isEmpty)
        // Deleted later: sandbox and object go.
        b.delete()
        #expect(b.has(.removeSandboxes))
        b.on(.sandboxRemoved)
        #expect(b.actions == [.deleteFromAPI])
        b.on(.deletedFromAPI)
        #expect(b.actions == [.finish])
    }

    @Test func deletedWhileStarting() {
        var b: Bench = Bench(simple())
        b.raise()
        b.on(.imageReady(container: "c", imageID: "i"))
        b.delete()
        #expect(b.actions.isEmpty, "a create is under way")
        b.on(.created(container: "c", id: "0"))
        #expect(!b.has(.start(container: "c", id: "0")))
        #expect(b.has(.stopSandbox(id: "s0")))
    }

    @Test func deletedWhileSandboxStarts() {
        var b: Bench = Bench(simple())
        b.on(.podChanged(b.worker.pod))
        b.on(.volumesMounted)
        b.delete()
        #expect(b.actions.isEmpty)
        b.on(.sandboxStarted(SandboxSeen(id: "s0", attempt: 0, isReady: true, ips: [], createdAt: b.now)))
        #expect(b.actions == [.stopSandbox(id: "s0")])
    }

    @Test func stopsWithGraceAndShortensIt() {
        var b: Bench = Bench(simple(extra: ["lifecycle": ["preStop": ["exec": ["command": ["x"]]]]]))
        b.raise()
        b.run("c", "0")
        b.delete(grace: 30)
        #expect(b.has(.stop(container: "c", id: "0", graceSeconds: 30, runsPreStop: true)))
        #expect(b.events.contains("Killing"))
        b.delete(grace: 30)
        #expect(b.actions.isEmpty)
        b.delete(grace: 0)
        #expect(b.has(.stop(container: "c", id: "0", graceSeconds: 1, runsPreStop: false)))
        b.exit("c", "0", 137)
        #expect(b.actions == [.stopSandbox(id: "s0")])
    }

    @Test func keepsWhatRunsAfterARestart() {
        var b: Bench = Bench(simple(), status: ["phase": "Running"])
        b.on(
            .seen(
                [SandboxSeen(id: "s0", attempt: 0, isReady: true, ips: ["10.0.0.9"], createdAt: b.now)],
                [
                    ContainerSeen(
                        name: "c", id: "3", sandboxID: "s0", attempt: 3, state: .running, startedAt: b.now, image: "x:1"
                    ),
                    ContainerSeen(
                        name: "c", id: "2", sandboxID: "s0", attempt: 2, state: .exited,
                        end: ContainerEnd(containerID: "2", exitCode: 7, reason: "Error", finishedAt: b.now)),
                ], at: b.now))
        #expect(b.actions == [.mountVolumes])
        b.on(.volumesMounted)
        #expect(b.actions.isEmpty)
        #expect(b.container("c").restartCount.asInt == 3)
        #expect(b.container("c").lastState.terminated.exitCode.asInt == 7)
        #expect(b.worker.status.podIP.text == "10.0.0.9")
        #expect(b.condition("Ready") == "True")
        // And what has ended meanwhile is restarted as number 4.
        b.on(
            .seen(
                [SandboxSeen(id: "s0", attempt: 0, isReady: true, ips: ["10.0.0.9"], createdAt: b.now)],
                [
                    ContainerSeen(
                        name: "c", id: "3", sandboxID: "s0", attempt: 3, state: .exited,
                        end: ContainerEnd(containerID: "3", exitCode: 1, reason: "Error", finishedAt: b.now))
                ], at: b.now))
        #expect(b.has(.ensureImage(container: "c")))
        b.on(.imageReady(container: "c", imageID: "i"))
        #expect(b.has(.create(container: "c", attempt: 4, sandbox: "s0")))
    }

    @Test func makesALostSandboxAgain() {
        var b: Bench = Bench(simple())
        b.raise()
        b.run("c", "0")
        b.on(.sandboxExited(id: "s0"))
        #expect(b.has(.stop(container: "c", id: "0", graceSeconds: 30, runsPreStop: false)))
        b.exit("c", "0", 137)
        #expect(b.has(.runSandbox(attempt: 1)))
        b.on(.sandboxStarted(SandboxSeen(id: "s1", attempt: 1, isReady: true, ips: ["10.0.0.3"], createdAt: b.now)))
        #expect(b.has(.ensureImage(container: "c")))
        b.on(.imageReady(container: "c", imageID: "i"))
        #expect(b.has(.create(container: "c", attempt: 1, sandbox: "s1")))
    }

    @Test func sidecarsStayAndGoLast() {
        var b: Bench = Bench([
            "restartPolicy": "Never",
            "initContainers": [["name": "s", "image": "x:1", "restartPolicy": "Always"]],
            "containers": [["name": "c", "image": "x:1"]],
        ])
        b.raise()
        b.run("s", "s0")
        #expect(b.has(.ensureImage(container: "c")))
        b.run("c", "c0")
        b.exit("s", "s0", 1)
        #expect(b.has(.ensureImage(container: "s")))
        b.run("s", "s1")
        b.exit("c", "c0", 0)
        #expect(b.phase == "Running")
        #expect(b.has(.stop(container: "s", id: "s1", graceSeconds: 30, runsPreStop: false)))
        b.exit("s", "s1", 137)
        #expect(b.phase == "Succeeded")
    }

    @Test func failedInitContainerEndsANeverPod() {
        var b: Bench = Bench([
            "restartPolicy": "Never", "initContainers": [["name": "i", "image": "x:1"]],
            "containers": [["name": "c", "image": "x:1"]],
        ])
        b.raise()
        b.run("i", "i0")
        b.exit("i", "i0", 1)
        #expect(b.phase == "Failed")
        #expect(b.has(.stopSandbox(id: "s0")))
    }

    @Test func backsOffFromPulls() {
        var b: Bench = Bench(simple())
        b.raise()
        b.on(.imageFailed(container: "c", reason: "ErrImagePull", message: "no such host"))
        #expect(b.container("c").state.waiting.reason.text == "ErrImagePull")
        #expect(b.events == ["Failed", "Failed"])
        b.pass(5)
        b.on(.tick)
        #expect(
            b.container("c").state.waiting.message.text == "Back-off pulling image \"x:1\": ErrImagePull: no such host")
        b.pass(5)
        #expect(b.on(.tick).contains(.ensureImage(container: "c")))
        b.on(.imageFailed(container: "c", reason: "ErrImagePull", message: "no such host"))
        #expect(b.has(.wakeAt(b.now + .seconds(20))))
    }

    @Test func deadlineFails() {
        var spec: JSON = simple()
        spec.activeDeadlineSeconds = 60
        var b: Bench = Bench(spec)
        b.raise()
        b.run("c", "0")
        b.pass(60)
        b.on(.tick)
        #expect(b.has(.stop(container: "c", id: "0", graceSeconds: 30, runsPreStop: false)))
        b.exit("c", "0", 143)
        #expect(b.phase == "Failed")
        #expect(b.worker.status.reason.text == "DeadlineExceeded")
    }

    @Test func probesDecideReadiness() {
        var b: Bench = Bench(
            simple(extra: ["readinessProbe": ["tcpSocket": ["port": 1]], "startupProbe": ["exec": [:]]]))
        b.raise()
        b.run("c", "0")
        #expect(b.has(.startProbes(container: "c", id: "0")))
        #expect(b.container("c").started.isTrue == false)
        b.on(.probed(container: "c", id: "0", .startup, isSuccess: true))
        #expect(b.container("c").started.isTrue)
        #expect(b.condition("Ready") == "False")
        b.on(.probed(container: "c", id: "0", .readiness, isSuccess: true))
        #expect(b.condition("Ready") == "True")
        b.on(.probed(container: "c", id: "old", .readiness, isSuccess: false))
        #expect(b.condition("Ready") == "True")
    }

    @Test func outOfMemoryIsToldBeforeAndAfterTheExit() {
        for isBefore in [true, false] {
            var b: Bench = Bench(simple("Never"))
            b.raise()
            b.run("c", "0")
            if isBefore { b.on(.outOfMemory(id: "0")) }
            b.exit("c", "0", 137)
            if !isBefore { b.on(.outOfMemory(id: "0")) }
            #expect(b.container("c").state.terminated.reason.text == "OOMKilled")
        }
    }

    @Test func aLookTakenEarlierJudgesNothing() {
        var b: Bench = Bench(simple())
        b.on(.seen([], [], at: b.now))
        let earlier: Timestamp = b.now
        b.pass(1)
        b.raise()
        b.run("c", "0")
        b.on(.seen([], [], at: earlier))
        #expect(b.actions.isEmpty)
        b.pass(1)
        b.on(.seen([], [], at: b.now))
        #expect(b.has(.runSandbox(attempt: 1)))
    }

    @Test func startsOverAfterAReboot() {
        var b: Bench = Bench(
            [
                "restartPolicy": "Always", "initContainers": [["name": "i", "image": "x:1"]],
                "containers": [["name": "c", "image": "x:1"]],
            ], status: ["phase": "Running"])
        func dead(_ name: String, _ id: String, _ code: Int) -> ContainerSeen {
            ContainerSeen(
                name: name, id: id, sandboxID: "s0", attempt: 0, state: .exited,
                end: ContainerEnd(containerID: id, exitCode: code, reason: "", finishedAt: b.now))
        }
        let seen: PodEvent = .seen(
            [SandboxSeen(id: "s0", attempt: 0, isReady: false, ips: [], createdAt: b.now)],
            [dead("i", "i0", 0), dead("c", "c0", 255)], at: b.now)
        b.on(seen)
        b.on(.volumesMounted)
        #expect(b.has(.runSandbox(attempt: 1)))
        b.on(seen)
        b.on(.sandboxStarted(SandboxSeen(id: "s1", attempt: 1, isReady: true, ips: ["10.0.0.4"], createdAt: b.now)))
        #expect(b.has(.ensureImage(container: "i")))
        b.run("i", "i1")
        b.exit("i", "i1", 0)
        b.on(.imageReady(container: "c", imageID: "x"))
        #expect(b.has(.create(container: "c", attempt: 1, sandbox: "s1")))
    }

    @Test func resizesInPlace() {
        var b: Bench = Bench(simple(extra: ["resources": ["requests": ["cpu": "100m"]]]))
        b.raise()
        b.run("c", "0")
        var pod: JSON = b.worker.pod
        pod.spec.containers[0].resources.requests.cpu = "200m"
        b.on(.podChanged(pod))
        #expect(b.actions == [.resize(container: "c", id: "0")])
        b.on(.tick)
        #expect(b.actions.isEmpty)
        #expect(b.container("c").resources.requests.cpu.text == "100m")
        b.on(.resized(container: "c", id: "0", resources: pod.spec.containers[0].resources, fault: ""))
        #expect(b.container("c").resources.requests.cpu.text == "200m")
        pod.spec.containers[0].resources.requests.cpu = "300m"
        pod.spec.containers[0].resizePolicy = [["resourceName": "cpu", "restartPolicy": "RestartContainer"]]
        b.on(.podChanged(pod))
        #expect(b.has(.stop(container: "c", id: "0", graceSeconds: 30, runsPreStop: false)))
    }

    @Test func finishedPodIsNotRunAgain() {
        var b: Bench = Bench(simple("Never"), status: ["phase": "Succeeded"])
        b.on(.seen([], [], at: b.now))
        #expect(b.actions == [.unmountVolumes])
    }

    @Test func patchHoldsOnlyWhatChanged() {
        let old: JSON = [
            "phase": "Pending", "podIPs": [["ip": "a"]], "reason": "x",
            "conditions": [["type": "A", "status": "True"]],
        ]
        let new: JSON = ["phase": "Running", "podIPs": [["ip": "b"]], "conditions": [["type": "A", "status": "True"]]]
        let patch: JSON? = StatusPatch.make(from: old, to: new, uid: "u")
        #expect(
            patch?.description
                == #"{"metadata":{"uid":"u"},"status":{"phase":"Running","podIPs":[{"$patch":"replace"},{"ip":"b"}],"reason":null}}"#
        )
        #expect(StatusPatch.make(from: new, to: new, uid: "u") == nil)
    }
}

@Suite struct ResizeTests {
    private func pod(_ cpu: String) -> JSON {
        [
            "metadata": ["name": "p", "namespace": "n", "uid": "u"],
            "spec": [
                "containers": [["name": "c", "image": "x:1", "resources": ["requests": ["cpu": .string(cpu)]]]]
            ],
        ]
    }

    /// A running pod with 100m.
    private func running() -> Bench {
        var b: Bench = Bench(pod("100m").spec)
        b.raise()
        b.run("c", "1")
        return b
    }

    private func resized(_ b: Bench, _ cpu: String) -> JSON {
        var p: JSON = b.worker.pod
        p.spec = pod(cpu).spec
        return p
    }

    @Test func aResizeIsToldWhileItRuns() {
        var b: Bench = running()
        b.on(.podChanged(resized(b, "200m")))
        #expect(b.has(.resize(container: "c", id: "1")))
        #expect(b.condition("PodResizeInProgress") == "True")
        #expect(b.container("c").allocatedResources.cpu.text == "100m")
        let done: JSON = ["requests": ["cpu": "200m"]]
        b.on(.resized(container: "c", id: "1", resources: done, fault: ""))
        #expect(b.condition("PodResizeInProgress") == "")
        #expect(b.container("c").resources.requests.cpu.text == "200m")
    }

    @Test func aResizeWithoutRoomWaits() {
        var b: Bench = running()
        b.on(.resizeJudged(ResizeRefusal(reason: "Deferred", message: "no room")))
        #expect(b.events == ["ResizeDeferred"])
        b.on(.podChanged(resized(b, "3")))
        #expect(!b.has(.resize(container: "c", id: "1")))
        #expect(b.condition("PodResizePending") == "True")
        #expect(b.container("c").allocatedResources.cpu.text == "100m")
        let before: JSON = b.worker.status
        b.on(.resizeJudged(nil))
        #expect(b.has(.resize(container: "c", id: "1")))
        // A condition that is over must be named to go: the patch merges by type.
        let patch: JSON? = StatusPatch.make(from: before, to: b.worker.status, uid: "u")
        let gone: JSON = ["$patch": "delete", "type": "PodResizePending"]
        #expect(patch?.status.conditions.elements.contains(gone) == true)
    }

    @Test func room() {
        let admission: PodAdmission = PodAdmission(
            node: .null, allocatable: ["cpu": "2", "memory": "1Gi", "pods": "10"], others: [pod("1500m")])
        #expect(admission.resizeRefusal(of: pod("400m")) == nil)
        #expect(admission.resizeRefusal(of: pod("600m"))?.reason == "Deferred")
        #expect(admission.resizeRefusal(of: pod("3"))?.reason == "Infeasible")
    }

    @Test func aRefusedPodTellsNothingOfContainers() {
        var b: Bench = Bench(pod("1").spec)
        b.on(.evicted(reason: "SysctlForbidden", message: "x"))
        #expect(b.phase == "Failed")
        #expect(!b.worker.status.containerStatuses.exists)
    }
}
