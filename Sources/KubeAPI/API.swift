// The resources that code names: `API.pods`, `API.deployments`, … at their preferred versions.

package import KubeModel

/// Core `events` is `API.events`; the same objects by `events.k8s.io/v1` are `API.eventsV1`.
package enum API {
    package static let bindings = GroupVersionResource("v1", "bindings")
    package static let componentStatuses = GroupVersionResource("v1", "componentstatuses")
    package static let configMaps = GroupVersionResource("v1", "configmaps")
    package static let endpoints = GroupVersionResource("v1", "endpoints")
    package static let events = GroupVersionResource("v1", "events")
    package static let limitRanges = GroupVersionResource("v1", "limitranges")
    package static let namespaces = GroupVersionResource("v1", "namespaces")
    package static let nodes = GroupVersionResource("v1", "nodes")
    package static let persistentVolumeClaims = GroupVersionResource("v1", "persistentvolumeclaims")
    package static let persistentVolumes = GroupVersionResource("v1", "persistentvolumes")
    package static let pods = GroupVersionResource("v1", "pods")
    package static let podTemplates = GroupVersionResource("v1", "podtemplates")
    package static let replicationControllers = GroupVersionResource("v1", "replicationcontrollers")
    package static let resourceQuotas = GroupVersionResource("v1", "resourcequotas")
    package static let secrets = GroupVersionResource("v1", "secrets")
    package static let serviceAccounts = GroupVersionResource("v1", "serviceaccounts")
    package static let services = GroupVersionResource("v1", "services")
    package static let controllerRevisions = GroupVersionResource("apps/v1", "controllerrevisions")
    package static let daemonSets = GroupVersionResource("apps/v1", "daemonsets")
    package static let deployments = GroupVersionResource("apps/v1", "deployments")
    package static let replicaSets = GroupVersionResource("apps/v1", "replicasets")
    package static let statefulSets = GroupVersionResource("apps/v1", "statefulsets")
    package static let horizontalPodAutoscalers = GroupVersionResource("autoscaling/v2", "horizontalpodautoscalers")
    package static let cronJobs = GroupVersionResource("batch/v1", "cronjobs")
    package static let jobs = GroupVersionResource("batch/v1", "jobs")
    package static let ingressClasses = GroupVersionResource("networking.k8s.io/v1", "ingressclasses")
    package static let ingresses = GroupVersionResource("networking.k8s.io/v1", "ingresses")
    package static let ipAddresses = GroupVersionResource("networking.k8s.io/v1", "ipaddresses")
    package static let networkPolicies = GroupVersionResource("networking.k8s.io/v1", "networkpolicies")
    package static let serviceCIDRs = GroupVersionResource("networking.k8s.io/v1", "servicecidrs")
    package static let podDisruptionBudgets = GroupVersionResource("policy/v1", "poddisruptionbudgets")
    package static let clusterRoleBindings = GroupVersionResource("rbac.authorization.k8s.io/v1", "clusterrolebindings")
    package static let clusterRoles = GroupVersionResource("rbac.authorization.k8s.io/v1", "clusterroles")
    package static let roleBindings = GroupVersionResource("rbac.authorization.k8s.io/v1", "rolebindings")
    package static let roles = GroupVersionResource("rbac.authorization.k8s.io/v1", "roles")
    package static let csiDrivers = GroupVersionResource("storage.k8s.io/v1", "csidrivers")
    package static let csiNodes = GroupVersionResource("storage.k8s.io/v1", "csinodes")
    package static let csiStorageCapacities = GroupVersionResource("storage.k8s.io/v1", "csistoragecapacities")
    package static let storageClasses = GroupVersionResource("storage.k8s.io/v1", "storageclasses")
    package static let volumeAttachments = GroupVersionResource("storage.k8s.io/v1", "volumeattachments")
    package static let volumeAttributesClasses = GroupVersionResource("storage.k8s.io/v1", "volumeattributesclasses")
    package static let priorityClasses = GroupVersionResource("scheduling.k8s.io/v1", "priorityclasses")
    package static let leases = GroupVersionResource("coordination.k8s.io/v1", "leases")
    package static let endpointSlices = GroupVersionResource("discovery.k8s.io/v1", "endpointslices")
    package static let eventsV1 = GroupVersionResource("events.k8s.io/v1", "events")
    package static let runtimeClasses = GroupVersionResource("node.k8s.io/v1", "runtimeclasses")
    package static let mutatingAdmissionPolicies =
        GroupVersionResource("admissionregistration.k8s.io/v1", "mutatingadmissionpolicies")
    package static let mutatingAdmissionPolicyBindings =
        GroupVersionResource("admissionregistration.k8s.io/v1", "mutatingadmissionpolicybindings")
    package static let mutatingWebhookConfigurations =
        GroupVersionResource("admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations")
    package static let validatingAdmissionPolicies =
        GroupVersionResource("admissionregistration.k8s.io/v1", "validatingadmissionpolicies")
    package static let validatingAdmissionPolicyBindings =
        GroupVersionResource("admissionregistration.k8s.io/v1", "validatingadmissionpolicybindings")
    package static let validatingWebhookConfigurations =
        GroupVersionResource("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations")
    package static let customResourceDefinitions =
        GroupVersionResource("apiextensions.k8s.io/v1", "customresourcedefinitions")
    package static let apiServices = GroupVersionResource("apiregistration.k8s.io/v1", "apiservices")
    package static let selfSubjectReviews = GroupVersionResource("authentication.k8s.io/v1", "selfsubjectreviews")
    package static let tokenReviews = GroupVersionResource("authentication.k8s.io/v1", "tokenreviews")
    package static let localSubjectAccessReviews =
        GroupVersionResource("authorization.k8s.io/v1", "localsubjectaccessreviews")
    package static let selfSubjectAccessReviews =
        GroupVersionResource("authorization.k8s.io/v1", "selfsubjectaccessreviews")
    package static let selfSubjectRulesReviews =
        GroupVersionResource("authorization.k8s.io/v1", "selfsubjectrulesreviews")
    package static let subjectAccessReviews = GroupVersionResource("authorization.k8s.io/v1", "subjectaccessreviews")
    package static let certificateSigningRequests =
        GroupVersionResource("certificates.k8s.io/v1", "certificatesigningrequests")
    package static let flowSchemas = GroupVersionResource("flowcontrol.apiserver.k8s.io/v1", "flowschemas")
    package static let priorityLevelConfigurations =
        GroupVersionResource("flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations")
    package static let deviceClasses = GroupVersionResource("resource.k8s.io/v1", "deviceclasses")
    package static let resourceClaims = GroupVersionResource("resource.k8s.io/v1", "resourceclaims")
    package static let resourceClaimTemplates = GroupVersionResource("resource.k8s.io/v1", "resourceclaimtemplates")
    package static let resourceSlices = GroupVersionResource("resource.k8s.io/v1", "resourceslices")
    package static let clusterTrustBundles = GroupVersionResource("certificates.k8s.io/v1beta1", "clustertrustbundles")
    package static let podCertificateRequests =
        GroupVersionResource("certificates.k8s.io/v1beta1", "podcertificaterequests")
    package static let leaseCandidates = GroupVersionResource("coordination.k8s.io/v1beta1", "leasecandidates")
    package static let storageVersions = GroupVersionResource("internal.apiserver.k8s.io/v1alpha1", "storageversions")
    package static let deviceTaintRules = GroupVersionResource("resource.k8s.io/v1beta2", "devicetaintrules")
    package static let resourcePoolStatusRequests =
        GroupVersionResource("resource.k8s.io/v1alpha3", "resourcepoolstatusrequests")
    package static let podGroups = GroupVersionResource("scheduling.k8s.io/v1alpha2", "podgroups")
    package static let workloads = GroupVersionResource("scheduling.k8s.io/v1alpha2", "workloads")
    package static let storageVersionMigrations =
        GroupVersionResource("storagemigration.k8s.io/v1beta1", "storageversionmigrations")
}
