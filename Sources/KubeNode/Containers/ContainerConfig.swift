// A container as the runtime is told of it: CRI ContainerConfig.

import FoundationEssentials
import KubeBase
import KubeModel
import KubeWire

/// What the configuration of one container is made from.
struct ContainerFacts: Sendable {
    var pod: JSON
    var spec: JSON
    var role: ContainerRole
    var attempt: Int
    var imageID: String
    var environment: Environment
    var mounts: [CRIMount]
    var devices: [CRIDevice] = []
    var memoryCapacity: Int64
    /// For an ephemeral container that joins another's processes.
    var targetID: String = ""
    /// Of the image: what runAsNonRoot is checked against.
    var imageUser: (id: Int64?, name: String)
}

extension CRIContainerConfig {
    init(_ f: ContainerFacts) throws {
        self.init()
        let spec: JSON = f.spec
        let meta: ObjectMeta = f.pod.meta
        metadata.name = spec.name.text
        metadata.attempt = UInt32(f.attempt)
        image.image = f.imageID
        image.userSpecifiedImage = spec.image.text
        command = spec.command.strings.map { text in Expansion.expand(text) { f.environment[$0] } }
        args = spec.args.strings.map { text in Expansion.expand(text) { f.environment[$0] } }
        workingDir = spec.workingDir.text
        envs = f.environment.pairs.map { pair in
            var e: CRIKeyValue = CRIKeyValue()
            e.key = pair.name
            e.value = .init(pair.value.utf8)
            return e
        }
        mounts = f.mounts
        devices = f.devices
        labels = [
            Labels.containerName: spec.name.text, Labels.podName: meta.name, Labels.podNamespace: meta.namespace,
            Labels.podUID: meta.uid,
        ]
        annotations = [
            Labels.restartCount: "\(f.attempt)",
            Labels.terminationPath: spec.terminationMessagePath.asString ?? "/dev/termination-log",
            Labels.terminationPolicy: spec.terminationMessagePolicy.asString ?? "File",
            Labels.image: spec.image.text,
        ]
        logPath = "\(spec.name.text)/\(f.attempt).log"
        stdin = spec.stdin.isTrue
        stdinOnce = spec.stdinOnce.isTrue
        tty = spec.tty.isTrue
        linux.resources = ContainerResources.linux(spec, pod: f.pod, memoryCapacity: f.memoryCapacity)
        linux.securityContext = try Self.securityContext(f)
        if let signal = spec.lifecycle.stopSignal.asString,
            let known = CRISignal.allCases.first(where: { "\($0)".uppercased() == signal })
        {
            stopSignal = known
        }
    }

    private static func securityContext(_ f: ContainerFacts) throws -> CRILinuxContainerSecurityContext {
        let own: JSON = f.spec.securityContext
        let pods: JSON = f.pod.spec.securityContext
        var s: CRILinuxContainerSecurityContext = CRILinuxContainerSecurityContext()
        s.namespaceOptions = Namespaces.options(f.pod, target: f.targetID)
        s.privileged = own.privileged.isTrue
        s.readonlyRootfs = own.readOnlyRootFilesystem.isTrue
        // Not for who may gain privileges anyway.
        s.noNewPrivs = own.allowPrivilegeEscalation.asBool == false
        s.capabilities.addCapabilities = own.capabilities.add.strings
        s.capabilities.dropCapabilities = own.capabilities.drop.strings
        let user: Int64? = own.runAsUser.asInt64 ?? pods.runAsUser.asInt64
        if let user { s.runAsUser.value = user }
        if let group = own.runAsGroup.asInt64 ?? pods.runAsGroup.asInt64 {
            s.runAsGroup.value = group
            // The runtime wants a user where it is given a group.
            if user == nil {
                if !f.imageUser.name.isEmpty {
                    s.runAsUsername = f.imageUser.name
                } else {
                    s.runAsUser.value = f.imageUser.id ?? 0
                }
            }
        }
        s.supplementalGroups = pods.supplementalGroups.elements.compactMap { $0.asInt64 }
        if let group = pods.fsGroup.asInt64 { s.supplementalGroups.append(group) }
        try checkNonRoot(f, user: user, own.runAsNonRoot.asBool ?? pods.runAsNonRoot.asBool ?? false)
        let profile: JSON = own.seccompProfile.exists ? own.seccompProfile : pods.seccompProfile
        s.seccomp = SecurityProfiles.seccomp(profile, fallback: .unconfined)
        if s.privileged { s.seccomp.profileType = .unconfined }
        let options: JSON = own.seLinuxOptions.exists ? own.seLinuxOptions : pods.seLinuxOptions
        if options.exists {
            s.selinuxOptions.user = options.user.text
            s.selinuxOptions.role = options.role.text
            s.selinuxOptions.type = options.type.text
            s.selinuxOptions.level = options.level.text
        }
        if own.procMount.text != "Unmasked", !s.privileged {
            s.maskedPaths = Self.masked
            s.readonlyPaths = Self.readOnly
        }
        return s
    }

    private static let masked: [String] = [
        "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
        "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
        "/sys/devices/virtual/powercap",
    ]
    private static let readOnly: [String] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

    private static func checkNonRoot(_ f: ContainerFacts, user: Int64?, _ mustBeNonRoot: Bool) throws {
        guard mustBeNonRoot else { return }
        let who: String =
            "(pod: \"\(f.pod.meta.name)_\(f.pod.meta.namespace)(\(f.pod.meta.uid))\", container: \(f.spec.name.text))"
        if let user {
            if user == 0 { throw ConfigFault("container's runAsUser breaks non-root policy \(who)") }
            return
        }
        if let id = f.imageUser.id {
            if id == 0 { throw ConfigFault("container has runAsNonRoot and image will run as root \(who)") }
        } else if !f.imageUser.name.isEmpty {
            throw ConfigFault(
                "container has runAsNonRoot and image has non-numeric user (\(f.imageUser.name)), "
                    + "cannot verify user is non-root \(who)"
            )
        } else {
            throw ConfigFault("container has runAsNonRoot and image will run as root \(who)")
        }
    }
}
