// A pod host's probes: one loop per probe and container, alive as long as the container.

import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Logging
import Synchronization

extension PodHost {
    /// The startup probe first; the others when it has succeeded.
    func startProbes(_ container: String, _ id: String) {
        let (spec, isStarted): (JSON, Bool) = state.withLock { s in
            (s.worker.spec(of: container), s.worker.containers.first { $0.name == container }?.isStarted ?? false)
        }
        var handles: [JobHandle] = []
        if spec.startupProbe.exists, !isStarted {
            handles.append(startLoop(.startup, spec.startupProbe, container, id))
        } else {
            if spec.readinessProbe.exists { handles.append(startLoop(.readiness, spec.readinessProbe, container, id)) }
            if spec.livenessProbe.exists { handles.append(startLoop(.liveness, spec.livenessProbe, container, id)) }
        }
        let before: [JobHandle] = state.withLock {
            let b: [JobHandle] = $0.probes[container] ?? []
            $0.probes[container] = handles
            return b
        }
        for h in before { h.stop() }
    }

    private func startLoop(_ kind: ProbeKind, _ probe: JSON, _ container: String, _ id: String) -> JobHandle {
        node.jobs.startStoppable { await self.loop(kind, probe, container, id) }
    }

    private func loop(_ kind: ProbeKind, _ probe: JSON, _ container: String, _ id: String) async {
        let time: any TimeSource = node.options.time
        let period: Duration = .seconds(max(1, probe.periodSeconds.asInt ?? 10))
        var count: ProbeCount = ProbeCount(probe)
        do {
            try await time.sleep(for: .seconds(probe.initialDelaySeconds.asInt ?? 0))
            while !Task.isCancelled {
                guard let c = record(container), c.id == id, c.step == .running else { return }
                let spec: JSON = state.withLock { $0.worker.spec(of: container) }
                let before: Bool? = count.isSuccess
                let result: ProbeResult = await node.prober.run(
                    probe, container: spec, id: id, podIP: podIPs.first ?? "")
                guard !Task.isCancelled, record(container)?.id == id, record(container)?.step == .running else {
                    return
                }
                tell(kind, result, c)
                if count.on(result == .success), count.isSuccess != before {
                    let isSuccess: Bool = count.isSuccess ?? false
                    deliver(.probed(container: container, id: id, kind, isSuccess: isSuccess))
                    if kind == .startup, isSuccess { return startProbes(container, id) }
                    if kind != .readiness, !isSuccess { return }
                }
                try await time.sleep(for: period)
            }
        } catch {
            // Cancelled: the container or the agent has ended.
        }
    }

    private func tell(_ kind: ProbeKind, _ result: ProbeResult, _ c: ContainerRecord) {
        let text: String
        switch result {
        case .success: return
        case .failure(let message): text = "\(kind.rawValue) probe failed: \(message)"
        case .error(let message): text = "\(kind.rawValue) probe errored and resulted in unknown state: \(message)"
        }
        node.events.record(pod, .warning, reason: "Unhealthy", text, fieldPath: c.fieldPath)
    }
}
