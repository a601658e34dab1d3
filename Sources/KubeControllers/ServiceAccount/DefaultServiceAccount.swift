// A service account named `default` in every namespace: pods that name none use it.

import KubeAPI
import KubeBase
import KubeWire

enum DefaultServiceAccount {
    static func controller(_ context: ControllerContext) -> any Component {
        let wanted: JSON = ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": "default"]]
        return PerNamespace("serviceaccount-controller", context, API.serviceAccounts, wanted: wanted, kept: [])
    }
}
