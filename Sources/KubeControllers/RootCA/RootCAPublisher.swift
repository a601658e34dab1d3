// The cluster's root certificate in every namespace, for pods to trust the API server.

import KubeAPI
import KubeBase
import KubeWire

enum RootCAPublisher {
    static let description: String =
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
        + "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of "
        + "Kubernetes clusters."

    static func controller(_ context: ControllerContext) -> any Component {
        var wanted: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "kube-root-ca.crt"]]
        wanted.metadata.annotations["kubernetes.io/description"] = .string(description)
        wanted.data["ca.crt"] = .string(context.options.rootCAPEM)
        return PerNamespace("root-ca-cert-publisher", context, API.configMaps, wanted: wanted, kept: ["data"])
    }
}
