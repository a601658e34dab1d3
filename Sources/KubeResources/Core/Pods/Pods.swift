// The resource `pods` with its subresources.

import KubeAPI
import KubeServer

enum Pods {
    static let entry: Entry = Entry(API.pods) { d, _ in
        d.strategy = PodStrategy()
        d.setHandler("binding", .custom(PodBinding()))
        d.setHandler("eviction", .custom(PodEviction()))
        d.setHandler("ephemeralcontainers", .object(EphemeralContainersStrategy()))
        d.setHandler("resize", .object(ResizeStrategy()))
        d.setHandler("log", .custom(PodLog()))
        d.setHandler("exec", .custom(PodStream(agentPath: "exec")))
        d.setHandler("attach", .custom(PodStream(agentPath: "attach")))
        d.setHandler("portforward", .custom(PodPortForward()))
        d.setHandler("proxy", .custom(PodProxy()))
    }
    static let bindings: Entry = Entry(API.bindings) { d, _ in d.virtual = PodBinding() }
}
