// Every built-in resource that is more than the tables say, one line each; all others take the generic road.

import KubeAPI
import KubeModel
package import KubeServer

package enum Catalogue {
    static let entries: [Entry] =
        [
            Pods.entry,
            Pods.bindings,
            Namespaces.entry,
            Nodes.entry,
            Services.entry,
            ServiceAccounts.entry,
            ConfigMaps.entry,
            Secrets.entry,
            PersistentVolumeClaims.entry,
            PersistentVolumes.entry,
            Deployments.entry,
            ReplicaSets.entry,
            ReplicaSets.controllers,
            StatefulSets.entry,
            DaemonSets.entry,
            DaemonSets.revisions,
            DaemonSets.templates,
            Jobs.entry,
            CronJobs.entry,
            PodDisruptionBudgets.entry,
            Leases.entry,
            EndpointSlices.entry,
            PriorityClasses.entry,
            PriorityClasses.runtimeClasses,
            CertificateSigningRequests.entry,
        ]
        + Events.entries
        + SmallKinds.entries
        + RBACResources.entries
        + StorageKinds.entries
        + NetworkingKinds.entries
        + HorizontalPodAutoscalers.entries
        + ExtensionKinds.entries
        + FlowControl.entries
        + DeviceKinds.entries
        + Reviews.entries

    /// What the server serves: every resource of the tables that upstream enables by default, and
    /// what metrics-server adds.
    package static func definitions(_ settings: ClusterSettings) -> [ResourceDefinition] {
        let special: [GroupVersionResource: Entry] = Dictionary(
            uniqueKeysWithValues: entries.map { ($0.resource, $0) })
        let builtIn: [ResourceDefinition] = BuiltIn.resources.filter { $0.enabledByDefault }.map { facts in
            var definition: ResourceDefinition = ResourceDefinition(facts, schema: BuiltIn.schema)
            special[facts.gvr]?.apply(&definition, settings)
            definition.dropUnhandled()
            return definition
        }
        return builtIn + ResourceMetrics.definitions(settings)
    }
}
