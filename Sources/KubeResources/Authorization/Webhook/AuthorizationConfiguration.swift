// Who is asked whether a request may be: AuthorizationConfiguration of apiserver.config.k8s.io, `--authorization-mode`.

import KubeCEL
import KubeModel
package import KubeServer
import KubeWire

/// The authorizers in their order.
package struct AuthorizationConfiguration: Sendable {
    package enum Mode: Sendable {
        case node, rbac, alwaysAllow, alwaysDeny
        case webhook(AccessWebhook.Settings)
    }
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
        package init(_ description: String) { self.description = description }
    }

    package var modes: [Mode] = [.node, .rbac]

    package init() {}

    /// `Node,RBAC,Webhook`; `webhook` is what the word Webhook means.
    package init(modes names: [String], webhook: AccessWebhook.Settings?) throws(Fault) {
        modes = []
        for name in names {
            switch name {
            case "Node": modes.append(.node)
            case "RBAC": modes.append(.rbac)
            case "AlwaysAllow": modes.append(.alwaysAllow)
            case "AlwaysDeny": modes.append(.alwaysDeny)
            case "Webhook":
                guard let webhook else {
                    throw Fault("authorization-mode Webhook's authorization config file not passed")
                }
                modes.append(.webhook(webhook))
            default: throw Fault("authorization-mode \"\(name)\" is not a valid mode")
            }
        }
        if modes.isEmpty { throw Fault("at least one authorization-mode must be passed") }
    }

    /// A configuration file; `read` reads kubeconfigs and what they name.
    package init(yaml: String, read: (String) throws -> [UInt8]) throws {
        let document: JSON = try YAML.parse(yaml).first ?? .null
        guard document.kind.text == "AuthorizationConfiguration" else {
            throw Fault(
                "no kind \(JSON(document.kind.text)) is registered for version \(JSON(document.apiVersion.text))")
        }
        modes = []
        for (i, entry) in document.authorizers.elements.enumerated() {
            switch entry.type.text {
            case "Node": modes.append(.node)
            case "RBAC": modes.append(.rbac)
            case "AlwaysAllow": modes.append(.alwaysAllow)
            case "AlwaysDeny": modes.append(.alwaysDeny)
            case "Webhook":
                modes.append(.webhook(try Self.webhook(entry.webhook, at: "authorizers[\(i)].webhook", read)))
            default: throw Fault("authorizers[\(i)].type: Unsupported value: \(JSON(entry.type.text))")
            }
        }
        if modes.isEmpty { throw Fault("authorizers: Required value: at least one authorization mode must be defined") }
    }

    private static func webhook(
        _ json: JSON, at: String, _ read: (String) throws -> [UInt8]
    ) throws -> AccessWebhook.Settings {
        guard json.connectionInfo.type.text == "KubeConfigFile" else {
            throw Fault(
                "\(at).connectionInfo.type: Unsupported value: \(JSON(json.connectionInfo.type.text)): supported values: "
                    + "\"InClusterConfig\", \"KubeConfigFile\"")
        }
        let text: String = String(decoding: try read(json.connectionInfo.kubeConfigFile.text), as: UTF8.self)
        var settings: AccessWebhook.Settings = AccessWebhook.Settings(
            client: try ClientConfiguration(kubeconfig: text, read: read))
        settings.version = json.subjectAccessReviewVersion.asString ?? "v1"
        func duration(_ field: String, _ standard: Duration) throws -> Duration {
            guard let text = json[field].asString else { return standard }
            guard let value = GoDuration.parse(text) else {
                throw Fault("\(at).\(field): Invalid value: \(JSON(text))")
            }
            return .nanoseconds(value)
        }
        settings.allowedTTL = try duration("authorizedTTL", settings.allowedTTL)
        settings.refusedTTL = try duration("unauthorizedTTL", settings.refusedTTL)
        settings.timeout = try duration("timeout", settings.timeout)
        switch json.failurePolicy.text {
        case "NoOpinion": settings.failsClosed = false
        case "Deny": settings.failsClosed = true
        default:
            throw Fault(
                "\(at).failurePolicy: Unsupported value: \(JSON(json.failurePolicy.text)): supported values: \"Deny\", "
                    + "\"NoOpinion\"")
        }
        for (i, condition) in json.matchConditions.elements.enumerated() {
            let text: String = condition.expression.text
            do throws(CELError) {
                settings.conditions.append(try CELProgram(text, AccessWebhook.environment, returns: .bool))
            } catch {
                throw Fault("\(at).matchConditions[\(i)].expression: Invalid value: \(JSON(text)): \(error)")
            }
        }
        return settings
    }

    /// The chain for a registry; masters are never asked about.
    package func authorizer(_ registry: any ObjectRegistry) -> any Authorizer {
        var all: [any Authorizer] = [MastersAuthorizer()]
        for mode in modes {
            switch mode {
            case .node:
                let nodes: NodeAuthorizer = NodeAuthorizer()
                nodes.follow(registry)
                all.append(nodes)
            case .rbac:
                let roles: RBACAuthorizer = RBACAuthorizer()
                roles.follow(registry)
                all.append(roles)
            case .alwaysAllow: all.append(Fixed(decision: .allow(reason: "")))
            case .alwaysDeny: all.append(Fixed(decision: .noOpinion(reason: "Everything is forbidden.")))
            case .webhook(let settings): all.append(AccessWebhook(settings, registry: registry))
            }
        }
        return AuthorizerChain(all)
    }
}

private struct Fixed: Authorizer {
    let decision: Decision
    func authorize(_ attributes: RequestAttributes) async -> Decision { decision }
}
