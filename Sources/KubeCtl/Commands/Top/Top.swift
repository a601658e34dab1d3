// `top node` and `top pod`, from metrics.k8s.io.

import KubeModel
import KubeWire

enum Top {
    static let command: Command = {
        var c: Command = Command("top", "Display resource (CPU/memory) usage")
        c.subcommands = [node, pod]
        return c
    }()

    private static let flags: [Flag] = [
        CommonFlags.selector, Flag("no-headers", .bool, "If present, print output without headers."),
        Flag("sort-by", .string, "Sort by 'cpu' or 'memory'."), Flag("use-protocol-buffers", .bool, "Ignored: metrics are read as JSON."),
    ]

    private static func fetch(_ i: Invocation, _ path: String) async throws -> [JSON] {
        do {
            let query: [(String, String)] = i.flags.has("selector") ? [("labelSelector", i.flags.string("selector"))] : []
            let answer: JSON = try await i.session.connection().get(path, query: query)
            return answer.kind.text.hasSuffix("List") ? answer["items"].elements : [answer]
        } catch let error as StatusError where error.message == StatusError.noSuchResource.message {
            throw UsageError("Metrics API not available")
        }
    }

    private static func cpu(_ usage: JSON) -> Int64 { Quantity(usage.cpu.text)?.milliValue ?? 0 }
    private static func memory(_ usage: JSON) -> Int64 { Quantity(usage.memory.text)?.value ?? 0 }
    private static func mebibytes(_ bytes: Int64) -> String { "\(bytes / (1 << 20))Mi" }

    private static func print(_ i: Invocation, _ header: [String], _ rows: [(cells: [String], cpu: Int64, memory: Int64)]) {
        var sorted: [(cells: [String], cpu: Int64, memory: Int64)] = rows
        switch i.flags.string("sort-by") {
        case "cpu": sorted.sort { $0.cpu > $1.cpu }
        case "memory": sorted.sort { $0.memory > $1.memory }
        default: break
        }
        let table: TextTable = TextTable(header: header, rows: sorted.map { $0.cells })
        for line in table.lines(withHeader: !i.flags.bool("no-headers")) { i.console.line(line) }
    }

    private static let node: Command = {
        var c: Command = Command("node", aliases: ["nodes", "no"], "Display resource (CPU/memory) usage of nodes")
        c.usage = "[NAME | -l label]"
        c.flags = flags
        c.run = { i in
            let name: String = i.arguments.first.map { "/" + $0 } ?? ""
            let metrics: [JSON] = try await fetch(i, "/apis/metrics.k8s.io/v1beta1/nodes" + name)
            if metrics.isEmpty { throw UsageError("metrics not available yet") }
            let nodes: JSON = try await i.session.connection().get("/api/v1/nodes")
            let selector: LabelSelector = try LabelSelector(parsing: i.flags.string("selector"))
            let told: Set<String> = Set(metrics.map { $0.meta.name })
            print(
                i, ["NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"],
                metrics.map { m in
                    let allocatable: JSON = nodes["items"].elements.first { $0.meta.name == m.meta.name }?.status.allocatable ?? .null
                    func percent(_ used: Int64, _ all: Int64) -> String { all == 0 ? "<unknown>" : "\(used * 100 / all)%" }
                    return (
                        [
                            m.meta.name, "\(cpu(m.usage))m", percent(cpu(m.usage), cpu(allocatable)), mebibytes(memory(m.usage)),
                            percent(memory(m.usage), memory(allocatable)),
                        ], cpu(m.usage), memory(m.usage)
                    )
                }
                    + (name.isEmpty ? nodes["items"].elements : []).filter {
                        !told.contains($0.meta.name) && selector.matches(object: $0)
                    }.map { ([$0.meta.name] + Array(repeating: "<unknown>", count: 4), 0, 0) })
        }
        return c
    }()

    private static let pod: Command = {
        var c: Command = Command("pod", aliases: ["pods", "po"], "Display resource (CPU/memory) usage of pods")
        c.usage = "[NAME | -l label]"
        c.flags = flags + [CommonFlags.allNamespaces, Flag("containers", .bool, "If present, print usage of containers within a pod.")]
        c.run = { i in
            let ns: String = try i.namespace()
            let base: String = ns.isEmpty ? "/apis/metrics.k8s.io/v1beta1/pods" : "/apis/metrics.k8s.io/v1beta1/namespaces/\(ns)/pods"
            let metrics: [JSON] = try await fetch(i, base + (i.arguments.first.map { "/" + $0 } ?? ""))
            if metrics.isEmpty {
                let pods: String = ns.isEmpty ? "/api/v1/pods" : "/api/v1/namespaces/\(ns)/pods"
                let query: [(String, String)] = [("labelSelector", i.flags.string("selector")), ("limit", "1")]
                let found: JSON = try await i.session.connection().get(pods, query: query)
                if !found["items"].elements.isEmpty { throw UsageError("metrics not available yet") }
                i.console.note(ns.isEmpty ? "No resources found" : "No resources found in \(ns) namespace.")
                return
            }
            let showNamespace: [String] = ns.isEmpty ? ["NAMESPACE"] : []
            let isDeep: Bool = i.flags.bool("containers")
            let rows: [(cells: [String], cpu: Int64, memory: Int64)] = metrics.flatMap { m -> [(cells: [String], cpu: Int64, memory: Int64)] in
                let lead: [String] = ns.isEmpty ? [m.meta.namespace] : []
                if isDeep {
                    return m.containers.elements.map { c in
                        (lead + [m.meta.name, c.name.text, "\(cpu(c.usage))m", mebibytes(memory(c.usage))], cpu(c.usage), memory(c.usage))
                    }
                }
                let total: Int64 = m.containers.elements.reduce(0) { $0 + cpu($1.usage) }
                let bytes: Int64 = m.containers.elements.reduce(0) { $0 + memory($1.usage) }
                return [(lead + [m.meta.name, "\(total)m", mebibytes(bytes)], total, bytes)]
            }
            print(i, showNamespace + (isDeep ? ["POD", "NAME"] : ["NAME"]) + ["CPU(cores)", "MEMORY(bytes)"], rows)
        }
        return c
    }()
}
