// The admission plugins in the order in which they run.

package import KubeServer

package enum AdmissionPlugins {
    package static func all() -> [any AdmissionPlugin] {
        [
            NamespaceLifecycle(),
            LimitRanger(),
            ServiceAccountAdmission(),
            NodeRestriction(),
            TaintNodesByCondition(),
            PriorityAdmission(),
            DefaultTolerationSeconds(),
            RuntimeClassAdmission(),
            DefaultClasses(),
            StorageObjectInUseProtection(),
            PersistentVolumeClaimResize(),
            CertificateAdmission(),
            PodSecurity(),
            MutatingWebhooks(),
            ValidatingWebhooks(),
            ResourceQuotaAdmission(),
        ]
    }
}
