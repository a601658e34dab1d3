// Keeps the flowcontrol objects of every cluster in place, tells which schemas dangle, and hands all of them to the gate.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire
import Logging

/// Level-triggered: each change of a FlowSchema or PriorityLevelConfiguration leads to one look at all of them.
final class FairnessKeeper: Sendable {
    private static let manager: String = "api-priority-and-fairness-config-producer-v1"
    private static let consumer: String = "api-priority-and-fairness-config-consumer-v1"

    private let registry: Registry
    private let fairness: Fairness
    private let pokes: AsyncStream<Void>
    private let poke: AsyncStream<Void>.Continuation
    private let log: Logger = .component("fairness")

    init(_ registry: Registry, _ fairness: Fairness) {
        self.registry = registry
        self.fairness = fairness
        (pokes, poke) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// False when this server does not serve the flowcontrol group.
    private var isServed: Bool {
        registry.definition(API.flowSchemas) != nil && registry.definition(API.priorityLevelConfigurations) != nil
    }

    /// `onFirstLook`: the gate knows the stored objects.
    func run(onFirstLook: @Sendable () -> Void = {}) async {
        guard isServed else { return onFirstLook() }
        let poke: AsyncStream<Void>.Continuation = self.poke
        for resource in [API.flowSchemas, API.priorityLevelConfigurations] {
            registry.onChange(resource) { _, _ in poke.yield() }
        }
        poke.yield()
        var isFirst: Bool = true
        for await _ in pokes {
            await settle()
            if isFirst { onFirstLook() }
            isFirst = false
        }
    }

    /// One look; safe to repeat.
    func settle() async {
        configure()
        do {
            try await ensure()
            try await judge()
        } catch {
            log.warning("flowcontrol objects: \(error)")
        }
        configure()
    }

    private func configure() {
        guard isServed else { return }
        let levels: [PriorityLevel] = merged(API.priorityLevelConfigurations, FairnessDefaults.levels).map {
            PriorityLevel($0)
        }
        let schemas: [FlowSchema] = merged(API.flowSchemas, FairnessDefaults.schemas).map { FlowSchema($0) }
        fairness.configure(levels: levels, schemas: schemas)
    }

    /// What is stored; the mandatory ones stand for themselves while somebody has deleted them.
    private func merged(_ resource: GroupVersionResource, _ defaults: [JSON]) -> [JSON] {
        var all: [JSON] = registry.list(resource, namespace: "")
        let names: Set<String> = Set(all.map { $0.metadata.name.text })
        for object in defaults {
            let name: String = object.metadata.name.text
            guard !names.contains(name), FairnessDefaults.mandatoryNames.contains(name) else { continue }
            all.append(object)
        }
        return all
    }

    // MARK: what must be there

    func ensure() async throws(StatusError) {
        guard isServed else { return }
        let failure: StatusError? = await withTaskGroup(of: StatusError?.self) { group in
            for (resource, objects) in [
                (API.priorityLevelConfigurations, FairnessDefaults.levels), (API.flowSchemas, FairnessDefaults.schemas),
            ] {
                for object in objects {
                    group.addTask {
                        do throws(StatusError) {
                            try await self.ensure(resource, object)
                            return nil
                        } catch {
                            return error
                        }
                    }
                }
            }
            var first: StatusError?
            for await error in group where first == nil { first = error }
            return first
        }
        if let failure { throw failure }
    }

    private func ensure(_ resource: GroupVersionResource, _ wanted: JSON) async throws(StatusError) {
        let name: String = wanted.metadata.name.text
        let isMandatory: Bool = FairnessDefaults.mandatoryNames.contains(name)
        guard let present = registry.get(resource, namespace: "", name: name) else {
            var object: JSON = wanted
            object.metadata.annotations = [FairnessDefaults.autoUpdate: "true"]
            do throws(StatusError) {
                try await call(.create, resource, object)
            } catch {
                if !error.isAlreadyExists { throw error }
            }
            return
        }
        let annotation: JSON = present.metadata.annotations[FairnessDefaults.autoUpdate]
        let isOurs: Bool =
            isMandatory || annotation.text == "true"
            // Never touched by anybody: from before there was the annotation.
            || (!annotation.exists && present.metadata.generation.asInt == 1)
        guard isOurs else { return }
        var object: JSON = present
        object.spec = BuiltIn.schema.applyDefaults(wanted, as: typeName(resource)).spec
        object.metadata.annotations[FairnessDefaults.autoUpdate] = "true"
        if FairnessKeeper.same(object, present) { return }
        do throws(StatusError) {
            try await call(.update, resource, object)
        } catch {
            // Somebody was faster: their change is another look.
            if !error.isConflict { throw error }
        }
    }

    private func typeName(_ resource: GroupVersionResource) -> String {
        registry.definition(resource)?.typeName ?? ""
    }

    /// Whatever the order of members.
    private static func same(_ a: JSON, _ b: JSON) -> Bool {
        switch (a, b) {
        case (.object(let x), .object(let y)):
            return x.count == y.count
                && x.pairs.allSatisfy { pair in y[pair.key].map { same(pair.value, $0) } ?? false }
        case (.array(let x), .array(let y)):
            return x.count == y.count && zip(x, y).allSatisfy { same($0, $1) }
        default: return a == b
        }
    }

    private func call(_ verb: Verb, _ resource: GroupVersionResource, _ object: JSON) async throws(StatusError) {
        var request: APICall = APICall(verb, resource)
        if verb == .update { request.name = object.metadata.name.text }
        request.query["fieldManager"] = FairnessKeeper.manager
        request.body = object
        _ = try await registry.transport(user: .loopback).call(request)
    }

    // MARK: Dangling

    private func judge() async throws(StatusError) {
        let levels: Set<String> = Set(
            registry.list(API.priorityLevelConfigurations, namespace: "").map { $0.metadata.name.text })
        for schema in registry.list(API.flowSchemas, namespace: "") {
            let level: String = schema.spec.priorityLevelConfiguration.name.text
            let dangles: Bool = !levels.contains(level)
            let condition: JSON =
                schema.status.conditions.elements.first { $0.type.text == "Dangling" } ?? .null
            let words: String =
                "This FlowSchema references the PriorityLevelConfiguration object named \(JSON.string(level)) "
                + (dangles ? "but there is no such object" : "and it exists")
            if condition.status.text == (dangles ? "True" : "False"), condition.message.text == words { continue }
            try await write(schema, dangles, words)
        }
    }

    private func write(_ schema: JSON, _ dangles: Bool, _ words: String) async throws(StatusError) {
        let condition: JSON = [
            "type": "Dangling", "status": .string(dangles ? "True" : "False"),
            "lastTransitionTime": .string(registry.clock.now().rfc3339),
            "reason": .string(dangles ? "NotFound" : "Found"),
            "message": .string(words),
        ]
        var request: APICall = APICall(.patch, API.flowSchemas)
        request.name = schema.metadata.name.text
        request.subresource = "status"
        request.query = ["fieldManager": FairnessKeeper.consumer, "force": "true"]
        request.patchType = .apply
        request.body = [
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
            "metadata": ["name": schema.metadata.name],
            "status": ["conditions": [condition]],
        ]
        do throws(StatusError) {
            _ = try await registry.transport(user: .loopback).call(request)
        } catch {
            if !error.isNotFound, !error.isConflict { throw error }
        }
    }
}
