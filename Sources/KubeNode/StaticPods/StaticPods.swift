// Static pods: manifests of a directory, run without the API and shown in it as mirror pods.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeOS
import KubeWire
import Logging
import Synchronization

/// Follows the directory and tells of pods as the API's informer would; keeps one mirror pod of each in the API.
final class StaticPods: Sendable {
    static let mirror: String = "kubernetes.io/config.mirror"
    static let hash: String = "kubernetes.io/config.hash"
    static let source: String = "kubernetes.io/config.source"

    private struct State {
        /// By uid.
        var pods: [String: JSON] = [:]
        /// The mirror pods that the API shows.
        var mirrors: [ObjectKey: JSON] = [:]
    }

    private let directory: String
    private let node: NodeContext
    private let state: Mutex<State> = Mutex(State())
    private let news: Wakeup = Wakeup()

    init(directory: String, node: NodeContext) {
        self.directory = directory
        self.node = node
    }

    static func isStatic(_ pod: JSON) -> Bool { pod.metadata.annotations[source].text == "file" }
    static func isMirror(_ pod: JSON) -> Bool { pod.metadata.annotations[mirror].exists }

    /// What the manifests say now.
    var pods: [JSON] { state.withLock { Array($0.pods.values) } }

    // MARK: Manifests

    /// Reads the directory; answers what is new and what is gone.
    func load() -> (added: [JSON], removed: [JSON]) {
        var found: [String: JSON] = [:]
        for name in ((try? Files.list(directory)) ?? []).sorted() where !name.hasPrefix(".") {
            let path: String = "\(directory)/\(name)"
            guard Files.status(path)?.isRegular == true else { continue }
            do {
                let pod: JSON = try Self.pod(try Files.text(path), file: path, nodeName: node.options.nodeName)
                found[pod.meta.uid] = pod
            } catch {
                node.log.warning("static pod not taken from \(path): \(error)")
            }
        }
        let now: String = node.options.time.now().rfc3339
        return state.withLock { s in
            let removed: [JSON] = s.pods.filter { found[$0.key] == nil }.map { $0.value }
            var added: [JSON] = []
            for (uid, pod) in found where s.pods[uid] == nil {
                var p: JSON = pod
                p.metadata.annotations["kubernetes.io/config.seen"] = .string(now)
                p.metadata.creationTimestamp = .string(now)
                s.pods[uid] = p
                added.append(p)
            }
            for pod in removed { s.pods[pod.meta.uid] = nil }
            return (added, removed)
        }
    }

    /// A manifest as the kubelet completes it. The uid is of its content and place: a changed file is another pod.
    static func pod(_ text: String, file: String, nodeName: String) throws -> JSON {
        guard let object = try YAML.parse(text).first, object.kind.text == "Pod", object.apiVersion.text == "v1" else {
            throw ConfigFault("not a v1 Pod")
        }
        guard !object.metadata.name.text.isEmpty else { throw ConfigFault("metadata.name is required") }
        guard !object.spec.containers.elements.isEmpty else { throw ConfigFault("spec.containers is required") }
        var pod: JSON = BuiltIn.schema.applyDefaults(object, as: "core/v1.Pod")
        let uid: String = digest("\(nodeName)\n\(file)\n\(text)")
        pod.metadata.name = .string("\(object.metadata.name.text)-\(nodeName)")
        if pod.metadata.namespace.text.isEmpty { pod.metadata.namespace = "default" }
        pod.metadata.uid = .string(uid)
        pod.metadata.annotations[hash] = .string(uid)
        pod.metadata.annotations[source] = "file"
        pod.spec.nodeName = .string(nodeName)
        // It shall outlive whatever happens to the node.
        let forever: JSON = ["operator": "Exists", "effect": "NoExecute"]
        if !pod.spec.tolerations.elements.contains(forever) { pod.spec.tolerations.elements.append(forever) }
        pod.status = [:]
        return pod
    }

    /// 32 hexadecimal digits.
    private static func digest(_ text: String) -> String {
        func fnv(_ seed: UInt64) -> UInt64 {
            text.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        return [fnv(0xcbf2_9ce4_8422_2325), fnv(0x9ae1_6a3b_2f90_404f)].map { n in
            let digits: String = String(n, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// Calls `change` for each pod that comes or goes; never returns but by cancellation.
    func follow(_ change: @escaping @Sendable (_ old: JSON?, _ new: JSON?) -> Void) async {
        do {
            try Files.makeDirectories(directory)
            let watch: FileWatch = try FileWatch()
            try watch.add(directory)
            defer { watch.close() }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.keepMirrors() }
                for await _ in watch.events {
                    let (added, removed): ([JSON], [JSON]) = load()
                    for pod in removed { change(pod, nil) }
                    for pod in added { change(nil, pod) }
                    if !added.isEmpty || !removed.isEmpty { news.raise() }
                }
                group.cancelAll()
            }
        } catch {
            node.log.error("static pods of \(directory) are not followed: \(error)")
        }
    }

    // MARK: Mirror pods

    /// The API shows a mirror pod, or no longer.
    func mirrorChanged(_ old: JSON?, _ new: JSON?) {
        guard let key = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
        state.withLock { $0.mirrors[key] = new }
        if let new, new.metadata.deletionTimestamp.exists == false {
            node.pod(new.metadata.annotations[Self.mirror].text)?.showIn(new)
        }
        news.raise()
    }

    private func keepMirrors() async {
        var delay: Duration = .milliseconds(200)
        while !Task.isCancelled {
            var isDone: Bool = true
            let (pods, mirrors): ([JSON], [ObjectKey: JSON]) = state.withLock { (Array($0.pods.values), $0.mirrors) }
            for pod in pods where !(await keepMirror(pod, mirrors[ObjectKey(of: pod)])) { isDone = false }
            let keys: Set<ObjectKey> = Set(pods.map { ObjectKey(of: $0) })
            for (key, mirror) in mirrors where !keys.contains(key) { await remove(mirror) }
            if isDone {
                delay = .milliseconds(200)
                await news.wait()
            } else {
                await news.wait(until: node.options.time.now() + delay, node.options.time)
                delay = min(delay * 2, .seconds(10))
            }
        }
    }

    /// False when it has to be tried again.
    private func keepMirror(_ pod: JSON, _ mirror: JSON?) async -> Bool {
        if let mirror {
            let isRight: Bool = mirror.metadata.annotations[Self.mirror].text == pod.meta.uid
            if isRight, !mirror.metadata.deletionTimestamp.exists { return true }
            await remove(mirror)
            return false
        }
        do throws(StatusError) {
            let mirror: JSON = Self.mirror(of: pod, node)
            _ = try await node.options.client.create(API.pods, namespace: pod.meta.namespace, mirror)
            return true
        } catch {
            if error.isAlreadyExists { return true }
            node.log.debug("mirror of \(pod.meta.key) not made: \(error)")
            return false
        }
    }

    static func mirror(of pod: JSON, _ node: NodeContext) -> JSON {
        var m: JSON = pod
        for field in ["uid", "resourceVersion", "creationTimestamp"] { m.metadata[field] = .null }
        m.metadata.annotations[mirror] = pod.metadata.annotations[hash]
        m.spec.serviceAccountName = .null
        m.status = .null
        if node.nodeObject.exists {
            m.metadata.ownerReferences = [
                [
                    "apiVersion": "v1", "kind": "Node", "name": .string(node.options.nodeName),
                    "uid": node.nodeObject.metadata.uid, "controller": true,
                ]
            ]
        }
        return m
    }

    private func remove(_ mirror: JSON) async {
        _ = try? await node.options.client.delete(
            API.pods, namespace: mirror.meta.namespace, mirror.meta.name,
            options: [
                "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
                "preconditions": ["uid": mirror.metadata.uid],
            ])
    }
}

extension PodHost {
    /// The mirror pod that this static pod's status is written to.
    func showIn(_ mirror: JSON) {
        let isNew: Bool = state.withLock {
            if $0.mirrorUID == mirror.meta.uid { return false }
            $0.mirrorUID = mirror.meta.uid
            $0.written = mirror.status
            return true
        }
        if isNew { writeStatus() }
    }
}
