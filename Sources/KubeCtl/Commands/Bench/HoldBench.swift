// What a server holds: objects that stay, and watchers that wait.

import KubeModel
import KubeNet
import KubeWire

enum HoldBench {
    /// Pods that no scheduler takes, of the size that real ones have (3.5 KB when stored), in a namespace that stays.
    static func fill(_ i: Invocation, connections: Int, objects: Int) async throws {
        let connection: Connection = try i.session.connection()
        let name: String = i.flags.string("name")
        let object: JSON = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": JSON(name)]]
        _ = try await connection.send("POST", "/api/v1/namespaces", object)
        let load: Load = try await Load.open(i, connections: connections)
        let base: HTTPRequest = connection.request(
            "POST", "/api/v1/namespaces/\(name)/pods", contentType: "application/json")
        let figures: Figures = try await load.run { k in
            if k >= objects { return nil }
            var request: HTTPRequest = base
            request.body = Array(pod("web-7d4b9c6f5d-\(k)").utf8)
            return request
        }
        try await load.end(figures, "fill", i.console)
    }

    private static func pod(_ name: String) -> String {
        #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"\#(name)","labels":{"app":"web","pod-template-hash":"7d4b9c6f5d"},"#
            + #""annotations":{"prometheus.io/scrape":"true"}},"spec":{"schedulerName":"none","automountServiceAccountToken":"#
            + #"false,"containers":[{"name":"web","image":"registry.example.com/shop/web:1.14.2","args":["--listen=:8080","#
            + #""--verbose"],"ports":[{"name":"http","containerPort":8080}],"env":[{"name":"POD_NAME","valueFrom":{"fieldRef":"#
            + #"{"fieldPath":"metadata.name"}}},{"name":"LEVEL","value":"info"}],"resources":{"requests":{"cpu":"100m","#
            + #""memory":"128Mi"},"limits":{"memory":"256Mi"}},"readinessProbe":{"httpGet":{"path":"/healthz","port":"http"},"#
            + #""periodSeconds":5},"volumeMounts":[{"name":"config","mountPath":"/etc/web"}]}],"volumes":[{"name":"config","#
            + #""configMap":{"name":"web-config"}}]}}"#
    }

    /// Watches of ConfigMaps, each on a TLS connection of its own, until standard input ends.
    static func watchers(_ i: Invocation, count: Int) async throws {
        let settings: ConnectionSettings = try ConnectionSettings(flags: i.flags)
        let name: String = "/api/v1/namespaces/\(i.flags.string("name"))/configmaps"
        var open: [(connection: Connection, response: HTTPClientResponse)] = []
        for _ in 0..<count {
            let connection: Connection = try Connection(settings: settings, console: i.console)
            var request: HTTPRequest = connection.request("GET", name)
            request.rawQuery = "watch=true&allowWatchBookmarks=true&timeoutSeconds=3600"
            let response: HTTPClientResponse = try await connection.send(request)
            if response.status != 200 {
                throw connection.failure(response, try await response.body.collect(maxBytes: 1 << 20))
            }
            open.append((connection, response))
        }
        i.console.line("hold: watchers=\(count)")
        while readLine() != nil {}
        for watcher in open { watcher.response.body.cancel() }
    }
}
