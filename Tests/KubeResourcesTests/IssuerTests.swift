// Token issuers, token and access webhooks and webhook configurations, as values.

import KubeBase
import KubeModel
import KubeServer
import KubeWire
import Testing

@testable import KubeResources

@Suite struct IssuerTests {
    private static let yaml: String = """
        apiVersion: apiserver.config.k8s.io/v1
        kind: AuthenticationConfiguration
        jwt:
        - issuer:
            url: https://issuer.example
            audiences: [kube]
          claimValidationRules:
          - {claim: hd, requiredValue: example.com}
          - {expression: "claims.exp - claims.nbf <= 86400", message: too long}
          claimMappings:
            username: {expression: "'ext:' + claims.sub"}
            groups: {claim: roles, prefix: "ext:"}
            uid: {claim: sub}
            extra: [{key: example.com/team, valueExpression: claims.team}]
          userValidationRules:
          - {expression: "!user.username.startsWith('system:')", message: reserved}
        """
    private static let good: JSON = [
        "iss": "https://issuer.example", "aud": ["kube", "other"], "exp": 2000, "nbf": 1000, "sub": "ann",
        "hd": "example.com", "roles": ["dev", "ops"], "team": "blue",
    ]

    private func user(_ claims: JSON) throws -> UserInfo {
        let issuer: TokenIssuer = try #require(try TokenIssuer.all(yaml: Self.yaml).first)
        let all: TokenClaims = TokenClaims(issuer: issuer, claims: claims)
        try all.check(now: Timestamp(seconds: 1500))
        return try all.user()
    }
    private func fault(_ change: (inout JSON) -> Void) -> String {
        var claims: JSON = Self.good
        change(&claims)
        do {
            return try user(claims).name
        } catch { return "\(error)" }
    }

    @Test func claimsBecomeAUser() throws {
        let ann: UserInfo = try user(Self.good)
        #expect(ann.name == "ext:ann" && ann.uid == "ann" && ann.groups == ["ext:dev", "ext:ops"])
        #expect(ann.extra == ["example.com/team": ["blue"]])
    }

    @Test func rulesRefuse() {
        #expect(fault { $0.hd = "evil.example" }.contains("required claim hd value does not match"))
        #expect(fault { $0.hd = .null }.contains("required claim hd not present"))
        #expect(fault { $0.nbf = -100_000 }.hasSuffix("failed: too long"))
        #expect(fault { $0.exp = 1499 }.contains("token is expired"))
        #expect(fault { $0.nbf = 1900 }.contains("nbf"))
        #expect(fault { $0.aud = "nobody" }.contains("expected audience"))
        #expect(fault { $0.roles = [1] }.contains("groups"))
        #expect(fault { $0.sub = .null }.contains("error evaluating expression"))
    }

    @Test func configurationsAreJudged() {
        func words(_ change: (String) -> String) -> String {
            do {
                _ = try TokenIssuer.all(yaml: change(Self.yaml))
                return ""
            } catch { return error.description }
        }
        #expect(words { $0.replacing("https://issuer", with: "http://issuer") }.contains("URL scheme must be https"))
        #expect(words { $0.replacing("'ext:' + claims.sub", with: "claims.sub +") }.contains("compilation failed"))
        #expect(words { $0.replacing("[kube]", with: "[]") }.contains("audiences"))
    }

    @Test func flagsPrefixNames() throws {
        func name(_ claim: String, _ prefix: String?, _ claims: JSON) throws -> String {
            let issuer: TokenIssuer = try TokenIssuer(
                flags: "https://i", clientID: "c", usernameClaim: claim, usernamePrefix: prefix, groupsClaim: "",
                groupsPrefix: "", requiredClaims: [], algorithms: [], authorityPEM: nil)
            return try TokenClaims(issuer: issuer, claims: claims).user().name
        }
        #expect(try name("", nil, ["sub": "ann"]) == "https://i#ann")
        #expect(try name("", "-", ["sub": "ann"]) == "ann" && name("email", nil, ["email": "a@b"]) == "a@b")
        #expect(throws: TokenIssuerFault.self) { try name("email", nil, ["email": "a@b", "email_verified": false]) }
    }

    @Test func tokenReviewsAnswerUsers() throws {
        let answer: JSON = [
            "status": [
                "authenticated": true, "user": ["username": "ann", "groups": ["g"], "extra": ["k": ["v"]]],
                "audiences": ["kube"],
            ]
        ]
        #expect(try TokenWebhook.user(answer, audiences: ["kube"])?.extra == ["k": ["v"]])
        #expect(try TokenWebhook.user(answer, audiences: ["other"]) == nil)
        #expect(try TokenWebhook.user(["status": ["authenticated": false]], audiences: []) == nil)
        #expect(throws: OutboundError.self) { try TokenWebhook.user(["status": ["error": "bad"]], audiences: []) }
    }

    @Test func accessReviewsAskAndDecide() throws {
        var attributes: RequestAttributes = RequestAttributes(
            user: UserInfo(name: "ann", groups: ["g"]), verb: "get",
            GroupVersionResource(group: "apps", version: "v1", resource: "deployments"), namespace: "n", name: "d")
        attributes.labelSelector = "a=b"
        let spec: JSON = AccessWebhook.spec(attributes, version: "v1beta1")
        #expect(spec.group == ["g"] && spec.resourceAttributes.labelSelector.rawSelector == "a=b")
        #expect(AccessWebhook.spec(attributes, version: "v1").groups == ["g"])
        #expect(try AccessWebhook.decision(["status": ["allowed": true, "reason": "r"]]) == .allow(reason: "r"))
        #expect(try AccessWebhook.decision(["status": ["denied": true]]) == .deny(reason: ""))
        #expect(try AccessWebhook.decision(["status": [:]]) == .noOpinion(reason: ""))
        #expect(throws: OutboundError.self) {
            try AccessWebhook.decision(["status": ["allowed": true, "denied": true]])
        }
    }

    // MARK: webhook configurations

    private static func faults(_ change: (inout JSON) -> Void) -> [String] {
        var webhook: JSON = [
            "name": "w.example.com", "clientConfig": ["url": "https://h/x"], "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "rules": [
                [
                    "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                    "scope": "*",
                ]
            ],
        ]
        change(&webhook)
        var out: Faults = Faults()
        WebhookConfigurationRules.check(["webhooks": [webhook]], &out)
        return out.list.map { $0.description }
    }

    @Test func soundConfigurationsPass() { #expect(Self.faults { _ in } == []) }

    @Test func faultyConfigurationsAreNamed() {
        #expect(
            Self.faults { $0.name = "short" } == [
                "webhooks[0].name: Invalid value: \"short\": should be a domain with at least three segments separated by dots"
            ])
        #expect(
            Self.faults { $0.timeoutSeconds = 31 } == [
                "webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds"
            ])
        #expect(
            Self.faults { $0.clientConfig = ["url": "http://h/x"] } == [
                "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]"
            ])
        #expect(
            Self.faults { $0.clientConfig.service = ["name": "s"] } == [
                "webhooks[0].clientConfig: Required value: exactly one of url or service is required"
            ])
        #expect(
            Self.faults { $0.clientConfig = ["service": ["name": "s", "namespace": "n", "path": "/a//b"]] } == [
                "webhooks[0].clientConfig.service.path: Invalid value: \"/a//b\": segment[1] may not be empty"
            ])
        #expect(
            Self.faults { $0.rules[0].resources = ["*/*", "pods"] } == [
                "webhooks[0].rules[0].resources: Invalid value: [\"*/*\",\"pods\"]: if '*/*' is present, must not specify other resources"
            ])
        #expect(
            Self.faults { $0.admissionReviewVersions = ["v0"] } == [
                "webhooks[0].admissionReviewVersions: Invalid value: [\"v0\"]: must include at least one of v1, v1beta1"
            ])
        #expect(
            Self.faults { $0.sideEffects = .null } == [
                "webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun"
            ])
        #expect(
            Self.faults { $0.matchConditions = [["name": "c", "expression": "1"]] } == [
                "webhooks[0].matchConditions[0].expression: Invalid value: \"1\": must evaluate to bool"
            ])
    }
}
