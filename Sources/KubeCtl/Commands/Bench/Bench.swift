// `bench create|get|list|watch|pods`: what an API server does in a second, and how soon pods run.

import KubeModel
import KubeNet

enum Bench {
    static let command: Command = {
        var c: Command = Command("bench", "Measure a cluster's API and pod starts")
        c.usage = "(create | get | list | watch | pods | fill | hold) [--connections=16]"
        c.examples = """
              apus bench create --objects=5000
              apus bench list --objects=2000 --duration=10s
              apus bench watch --watchers=200 --objects=500
              apus bench pods --count=20 --image=IMAGE
            """
        c.subcommands = [create, get, list, watch, pods, fill, hold]
        return c
    }()

    private static let connections: Flag = Flag(
        "connections", .string, preset: "16", "How many TLS connections work at once, one request each.")
    private static let size: Flag = Flag("size", .string, preset: "1024", "Bytes of data in each ConfigMap.")
    private static let duration: Flag = Flag("duration", .string, preset: "8s", "How long to measure.")
    private static func objects(_ preset: String) -> Flag {
        Flag("objects", .string, preset: preset, "How many ConfigMaps.")
    }

    private static let create: Command = {
        var c: Command = Command("create", "ConfigMaps created a second")
        c.flags = [connections, size, objects("2000")]
        c.run = { i in
            try await BenchNamespace.use(i) { n in
                let load: Load = try await Load.open(i, connections: positive(i, "connections"))
                let figures: Figures = try await fill(n, load, positive(i, "objects"), positive(i, "size"))
                try await load.end(figures, "create", i.console)
            }
        }
        return c
    }()

    private static let get: Command = {
        var c: Command = Command("get", "Reads of one ConfigMap a second")
        c.flags = [connections, size, duration]
        c.run = { i in
            let span: Duration = try i.flags.duration("duration") ?? .seconds(8)
            try await BenchNamespace.use(i) { n in
                let load: Load = try await Load.open(i, connections: positive(i, "connections"))
                _ = try await fill(n, load, 1, positive(i, "size"))
                try await load.end(load.repeated(n.request("GET", "\(n.configMaps)/c-0"), for: span), "get", i.console)
            }
        }
        return c
    }()

    private static let list: Command = {
        var c: Command = Command("list", "Lists of all ConfigMaps of a namespace a second")
        c.flags = [connections, size, duration, objects("2000")]
        c.run = { i in
            let span: Duration = try i.flags.duration("duration") ?? .seconds(8)
            try await BenchNamespace.use(i) { n in
                let load: Load = try await Load.open(i, connections: positive(i, "connections"))
                _ = try await fill(n, load, positive(i, "objects"), positive(i, "size"))
                try await load.end(load.repeated(n.request("GET", n.configMaps), for: span), "list", i.console)
            }
        }
        return c
    }()

    private static let watch: Command = {
        var c: Command = Command("watch", "Watch events delivered a second")
        c.flags = [
            Flag("connections", .string, preset: "4", "How many TLS connections write."),
            Flag("watchers", .string, preset: "200", "How many TLS connections watch."),
            Flag("size", .string, preset: "256", "Bytes of data in each ConfigMap."), objects("500"),
        ]
        c.run = { i in
            try await BenchNamespace.use(i) { n in
                try await WatchBench(
                    namespace: n, writers: positive(i, "connections"), watchers: positive(i, "watchers"),
                    objects: positive(i, "objects"), size: positive(i, "size")
                ).run(i)
            }
        }
        return c
    }()

    private static let pods: Command = {
        var c: Command = Command("pods", "From a Deployment's creation to its pod Running, one after the other")
        c.flags = [
            Flag("count", .string, preset: "20", "How many Deployments."),
            Flag("image", .string, "An image that the nodes have; it must stay alive by itself."),
            Flag("timeout", .string, preset: "2m", "The longest wait for all pods."),
        ]
        c.run = { i in
            let image: String = i.flags.string("image")
            if image.isEmpty { throw UsageError("required flag(s) \"image\" not set") }
            let limit: Duration = try i.flags.duration("timeout") ?? .seconds(120)
            try await BenchNamespace.use(i) { n in
                try await PodBench(namespace: n, count: positive(i, "count"), image: image, limit: limit).run(i)
            }
        }
        return c
    }()

    private static let name: Flag = Flag("name", .string, preset: "fill", "The namespace.")

    private static let fill: Command = {
        var c: Command = Command("fill", "Pods that nobody runs, in a namespace that stays")
        c.flags = [connections, name, objects("100000")]
        c.run = { i in
            try await HoldBench.fill(
                i, connections: positive(i, "connections"), objects: positive(i, "objects"))
        }
        return c
    }()

    private static let hold: Command = {
        var c: Command = Command("hold", "Idle watchers, held until standard input ends")
        c.flags = [Flag("watchers", .string, preset: "10000", "How many TLS connections watch."), name]
        c.run = { i in try await HoldBench.watchers(i, count: positive(i, "watchers")) }
        return c
    }()

    private static func positive(_ i: Invocation, _ name: String) throws -> Int {
        guard let n = try i.flags.int(name), n > 0 else { throw UsageError("--\(name) must be a positive number") }
        return n
    }

    /// ConfigMaps `c-0` … with `size` bytes of data each.
    static func fill(_ n: BenchNamespace, _ load: Load, _ count: Int, _ size: Int) async throws -> Figures {
        let base: HTTPRequest = n.request("POST", n.configMaps, contentType: "application/json")
        let data: String = String(repeating: "x", count: size)
        return try await load.run { k in
            if k >= count { return nil }
            var request: HTTPRequest = base
            let text: String =
                #"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c-\#(k)"},"data":{"k":"\#(data)"}}"#
            request.body = Array(text.utf8)
            return request
        }
    }
}
