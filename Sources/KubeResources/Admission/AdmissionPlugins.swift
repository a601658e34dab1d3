// The admission plugins in the order in which they run, and which of them are on.

package import KubeServer

package enum AdmissionPlugins {
    private struct Known: Sendable {
        var plugin: @Sendable () -> any AdmissionPlugin
        var isOn: Bool = true
    }

    /// In upstream's order.
    private static let known: [Known] = [
        Known { NamespaceLifecycle() },
        Known(plugin: { LimitPodHardAntiAffinityTopology() }, isOn: false),
        Known { LimitRanger() },
        Known { ServiceAccountAdmission() },
        Known { NodeRestriction() },
        Known { TaintNodesByCondition() },
        Known(plugin: { AlwaysPullImages() }, isOn: false),
        Known { PodSecurity() },
        Known { PriorityAdmission() },
        Known { DefaultTolerationSeconds() },
        Known(plugin: { ExtendedResourceToleration() }, isOn: false),
        Known { DefaultStorageClass() },
        Known { StorageObjectInUseProtection() },
        Known(plugin: { OwnerReferencesPermissionEnforcement() }, isOn: false),
        Known { PersistentVolumeClaimResize() },
        Known { RuntimeClassAdmission() },
        Known { CertificateApproval() },
        Known { CertificateSigning() },
        Known { CertificateSubjectRestriction() },
        Known { DefaultIngressClass() },
        Known(plugin: { DenyServiceExternalIPs() }, isOn: false),
        Known { MutatingPolicies() },
        Known { MutatingWebhooks() },
        Known { ValidatingPolicies() },
        Known { ValidatingWebhooks() },
        Known { ResourceQuotaAdmission() },
    ]

    package static func all() -> [any AdmissionPlugin] { known.filter { $0.isOn }.map { $0.plugin() } }

    /// The names that the flags take.
    package static var names: [String] { known.map { $0.plugin().name } }

    /// A name that the flags do not know, or one that is switched both on and off.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    /// `--enable-admission-plugins` and `--disable-admission-plugins`: beside what is on by default.
    package static func chosen(enable: [String], disable: [String]) throws(Fault) -> [any AdmissionPlugin] {
        let all: Set<String> = Set(names)
        for (flag, list) in [("enable", enable), ("disable", disable)] {
            for name in list where !all.contains(name) {
                throw Fault(description: "\(flag)-admission-plugins plugin \"\(name)\" is unknown")
            }
        }
        let both: [String] = enable.filter { disable.contains($0) }
        if !both.isEmpty {
            throw Fault(
                description:
                    "[\(both.joined(separator: ", "))] in enable-admission-plugins and disable-admission-plugins overlapped"
            )
        }
        return known.compactMap { k in
            let plugin: any AdmissionPlugin = k.plugin()
            let isOn: Bool = enable.contains(plugin.name) || k.isOn && !disable.contains(plugin.name)
            return isOn ? plugin : nil
        }
    }
}
