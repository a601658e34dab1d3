// One webhook of a MutatingWebhookConfiguration or ValidatingWebhookConfiguration, read once.

import KubeModel
import KubeWire

struct Webhook: Sendable {
    enum SideEffects: String, Sendable {
        case none = "None"
        case noneOnDryRun = "NoneOnDryRun"
        case some = "Some"
        case unknown = "Unknown"
    }

    let configuration: String
    let name: String
    /// Distinguishes webhooks of one name.
    let id: String
    let client: ClientConfiguration?
    let rules: [WebhookRule]
    let matchesEquivalent: Bool
    let ignoresFailures: Bool
    let timeoutSeconds: Int
    let reviewVersions: [String]
    let sideEffects: SideEffects?
    let namespaceSelector: LabelSelector
    let objectSelector: LabelSelector
    let isReinvocable: Bool
    let conditions: MatchConditions

    init(_ json: JSON, configuration: String, index: Int) {
        self.configuration = configuration
        name = json.name.text
        id = "\(configuration)/\(name)/\(index)"
        client = ClientConfiguration(webhook: json.clientConfig)
        rules = json.rules.elements.map { WebhookRule($0) }
        matchesEquivalent = json.matchPolicy.text != "Exact"
        ignoresFailures = json.failurePolicy.text == "Ignore"
        timeoutSeconds = json.timeoutSeconds.asInt ?? 10
        reviewVersions = json.admissionReviewVersions.strings
        sideEffects = SideEffects(rawValue: json.sideEffects.text)
        namespaceSelector = Self.selector(json.namespaceSelector)
        objectSelector = Self.selector(json.objectSelector)
        isReinvocable = json.reinvocationPolicy.text == "IfNeeded"
        conditions = MatchConditions(json.matchConditions, failsClosed: !ignoresFailures)
    }

    /// An absent selector selects everything: the default of both is `{}`.
    private static func selector(_ json: JSON) -> LabelSelector { json.exists ? LabelSelector(json) : .everything }

    /// All webhooks of a configuration, in their order.
    static func all(of configuration: JSON) -> [Webhook] {
        let name: String = configuration.meta.name
        return configuration.webhooks.elements.enumerated().map { Webhook($1, configuration: name, index: $0) }
    }
}

/// A webhook that is to be called, and the form in which it wants to see the request.
struct WebhookInvocation: Sendable {
    let webhook: Webhook
    let resource: GroupVersionResource
    let kind: GroupVersionKind
}
