// What the node API shows of the node itself: its configuration and the files of /var/log.

import KubeBase
import KubeNet
import KubeOS
import KubeWire

struct NodeFiles: Sendable {
    static let logRoot: String = "/var/log"
    /// A larger file is cut at its end; `kubectl logs` and journald are the ways to long ones.
    static let fileBytesMax: Int = 8 << 20

    let node: NodeContext

    /// kubelet.config.k8s.io/v1beta1 KubeletConfiguration as it is in force.
    func configuration() -> HTTPResponse {
        let o: NodeAgentOptions = node.options
        let config: JSON = [
            "address": .string(o.listenHost), "port": JSON(o.port), "readOnlyPort": 0,
            "authentication": ["anonymous": ["enabled": false], "webhook": ["enabled": false], "x509": [:]],
            "authorization": ["mode": "Webhook"],
            "staticPodPath": .string(o.staticPodDirectory ?? ""), "clusterDomain": .string(o.clusterDomain),
            "clusterDNS": JSON(o.clusterDNS), "maxPods": JSON(o.podsMax), "cgroupRoot": .string(o.cgroupRoot),
            "cgroupDriver": "cgroupfs", "cgroupsPerQOS": true, "failSwapOn": false,
            "containerRuntimeEndpoint": .string("unix://\(o.containerRuntimeSocket)"),
            "nodeStatusUpdateFrequency": .string("\(NodeHeartbeat.interval.components.seconds)s"),
            "nodeStatusReportFrequency": .string("\(NodeHeartbeat.reportInterval.components.seconds)s"),
            "nodeLeaseDurationSeconds": JSON(NodeHeartbeat.leaseSeconds),
            "containerLogMaxSize": .string("\(LogRotation.sizeMax >> 20)Mi"),
            "containerLogMaxFiles": JSON(LogRotation.filesMax), "systemReserved": JSON(o.reserved),
            "evictionHard": JSON(EvictionThresholds.standard.text),
            "imageGCHighThresholdPercent": JSON(ImageCollection.highPercent),
            "imageGCLowThresholdPercent": JSON(ImageCollection.lowPercent),
            "enableServer": true, "podLogsDir": .string(o.logDirectory),
        ]
        return HTTPResponse(contentType: "application/json", (["kubeletconfig": config] as JSON).encoded())
    }

    /// `path` is below /var/log; a directory is listed as Go's file server does.
    func log(_ path: [String]) -> HTTPResponse {
        guard !path.contains(".."), !path.contains("") else { return NodeAPI.text(400, "invalid URL path") }
        let file: String = ([Self.logRoot] + path).joined(separator: "/")
        guard let real = Files.realPath(file), real == Self.logRoot || real.hasPrefix(Self.logRoot + "/"),
            let status = Files.status(real)
        else { return NodeAPI.text(404, "404 page not found") }
        do {
            guard status.isDirectory else {
                return HTTPResponse(
                    contentType: "text/plain; charset=utf-8", try Files.read(real, maxBytes: Self.fileBytesMax))
            }
            var text: String = "<!doctype html>\n<meta name=\"viewport\" content=\"width=device-width\">\n<pre>\n"
            for name in try Files.list(real).sorted() {
                let shown: String = Files.status("\(real)/\(name)")?.isDirectory == true ? name + "/" : name
                let safe: String = shown.map { Self.escapes[$0] ?? String($0) }.joined()
                text += "<a href=\"\(safe)\">\(safe)</a>\n"
            }
            return HTTPResponse(contentType: "text/html; charset=utf-8", Array((text + "</pre>\n").utf8))
        } catch {
            return NodeAPI.text(500, "\(error)")
        }
    }

    private static let escapes: [Character: String] = [
        "<": "&lt;", ">": "&gt;", "&": "&amp;", "\"": "&#34;", "'": "&#39;",
    ]
}
