// Facts of the API at v1.36: one record a line. Made by scripts/tables.sh from shared/api; do not edit.

extension Tables {
    /// `fieldselectors.json`: see the README of this target.
    package static let fieldselectors: StaticString = #"""
{
"format":1,
"every":{"namespaced":["metadata.name","metadata.namespace"],"cluster":["metadata.name"]},
"operators":["=","==","!="],
"custom":"a custom resource also supports the paths of spec.versions[].selectableFields",
"resources":[
{"group":"","plural":"pods","type":"core/v1.Pod","labels":["metadata.name","metadata.namespace","spec.nodeName","spec.restartPolicy","spec.schedulerName","spec.serviceAccountName","spec.hostNetwork","status.phase",{"label":"status.podIP","path":"status.podIP"},{"label":"status.podIPs","path":"status.podIPs"},"status.nominatedNodeName",{"label":"spec.host","path":"spec.nodeName","note":"old alias"}]},
{"group":"","plural":"nodes","type":"core/v1.Node","labels":["metadata.name","spec.unschedulable"]},
{"group":"","plural":"replicationcontrollers","type":"core/v1.ReplicationController","labels":["metadata.name","metadata.namespace","status.replicas"]},
{"group":"","plural":"events","type":"core/v1.Event","labels":["metadata.name","metadata.namespace","involvedObject.kind","involvedObject.namespace","involvedObject.name","involvedObject.uid","involvedObject.apiVersion","involvedObject.resourceVersion","involvedObject.fieldPath","reason",{"label":"reportingComponent","path":"reportingComponent"},{"label":"source","path":"source.component","note":"falls back to reportingComponent"},"type"]},
{"group":"events.k8s.io","plural":"events","type":"events/v1.Event","labels":["metadata.name","metadata.namespace","regarding.kind","regarding.namespace","regarding.name","regarding.uid","regarding.apiVersion","regarding.resourceVersion","regarding.fieldPath","reason","reportingController","type"]},
{"group":"","plural":"namespaces","type":"core/v1.Namespace","labels":["metadata.name","status.phase"]},
{"group":"","plural":"secrets","type":"core/v1.Secret","labels":["metadata.name","metadata.namespace","type"]},
{"group":"","plural":"services","type":"core/v1.Service","labels":["metadata.name","metadata.namespace","spec.clusterIP","spec.type"]},
{"group":"batch","plural":"jobs","type":"batch/v1.Job","labels":["metadata.name","metadata.namespace",{"label":"status.successful","path":"status.succeeded","note":"matches status.succeeded"}]},
{"group":"batch","plural":"cronjobs","type":"batch/v1.CronJob","labels":["metadata.name","metadata.namespace",{"label":"status.successful","path":"","note":"accepted label; jobs match on status.succeeded, cronjobs never set it"}]},
{"group":"certificates.k8s.io","plural":"certificatesigningrequests","type":"certificates/v1.CertificateSigningRequest","labels":["metadata.name","spec.signerName"]},
{"group":"certificates.k8s.io","plural":"clustertrustbundles","type":"certificates/v1beta1.ClusterTrustBundle","labels":["metadata.name","spec.signerName"]},
{"group":"certificates.k8s.io","plural":"podcertificaterequests","type":"certificates/v1beta1.PodCertificateRequest","labels":["metadata.name","spec.signerName","spec.podName","spec.nodeName"]},
{"group":"resource.k8s.io","plural":"resourceslices","type":"resource/v1.ResourceSlice","labels":["metadata.name","spec.nodeName","spec.driver"]}
]
}
"""#
}
