// An issuer of JSON Web Tokens whose users we know: AuthenticationConfiguration of apiserver.config.k8s.io, `--oidc-*`.

package import KubeCEL
import KubeWire

/// Why a configuration does not serve.
package struct TokenIssuerFault: Error, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// One `jwt` of an AuthenticationConfiguration, its expressions compiled.
package struct TokenIssuer: Sendable {
    package enum Mapping: Sendable {
        case claim(String, prefix: String)
        case expression(CELProgram)
        case none
    }
    package enum ClaimRule: Sendable {
        case required(claim: String, value: String)
        case expression(CELProgram, message: String)
    }
    package struct UserRule: Sendable {
        package var program: CELProgram
        package var message: String
    }

    package var url: String
    package var discoveryURL: String
    /// PEM; nil: the machine's own list.
    package var authorityPEM: String?
    package var audiences: [String]
    package var username: Mapping = .none
    package var groups: Mapping = .none
    package var uid: Mapping = .none
    package var extra: [(key: String, program: CELProgram)] = []
    package var claimRules: [ClaimRule] = []
    package var userRules: [UserRule] = []
    package var algorithms: Set<String> = []

    private static let claims: CELEnvironment = CELEnvironment(
        variables: [("claims", CELDeclaration.of(.map(.string, .dyn)))])
    private static let user: CELEnvironment = CELEnvironment(variables: [
        (
            "user",
            CELDeclaration.object(
                "kubernetes.UserInfo",
                [
                    ("username", .of(.string)), ("uid", .of(.string)), ("groups", .of(.list(.string))),
                    ("extra", .of(.map(.string, .list(.string)))),
                ])
        )
    ])

    package init(url: String, audiences: [String]) {
        self.url = url
        self.audiences = audiences
        discoveryURL = ""
    }

    /// Where the discovery document is.
    package var discovery: String {
        if !discoveryURL.isEmpty { return discoveryURL }
        return (url.hasSuffix("/") ? String(url.dropLast()) : url) + "/.well-known/openid-configuration"
    }

    // MARK: structured configuration

    /// All issuers of a configuration file.
    package static func all(yaml: String) throws(TokenIssuerFault) -> [TokenIssuer] {
        let document: JSON
        do { document = try YAML.parse(yaml).first ?? .null } catch { throw TokenIssuerFault("\(error)") }
        guard document.kind.text == "AuthenticationConfiguration",
            document.apiVersion.text.hasPrefix("apiserver.config.k8s.io/")
        else {
            throw TokenIssuerFault(
                "no kind \(JSON(document.kind.text)) is registered for version \(JSON(document.apiVersion.text))")
        }
        var all: [TokenIssuer] = []
        for (i, jwt) in document.jwt.elements.enumerated() {
            let issuer: TokenIssuer = try TokenIssuer(jwt, at: "jwt[\(i)]")
            if all.contains(where: { $0.url == issuer.url }) {
                throw TokenIssuerFault("jwt[\(i)].issuer.url: Duplicate value: \(JSON(issuer.url))")
            }
            all.append(issuer)
        }
        return all
    }

    private init(_ jwt: JSON, at: String) throws(TokenIssuerFault) {
        let issuer: JSON = jwt.issuer
        guard issuer.url.text.hasPrefix("https://") else {
            throw TokenIssuerFault(
                "\(at).issuer.url: Invalid value: \(JSON(issuer.url.text)): URL scheme must be https")
        }
        if issuer.audiences.elements.isEmpty {
            throw TokenIssuerFault(
                "\(at).issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required")
        }
        self.init(url: issuer.url.text, audiences: issuer.audiences.strings)
        discoveryURL = issuer.discoveryURL.text
        authorityPEM = issuer.certificateAuthority.asString.flatMap { $0.isEmpty ? nil : $0 }
        algorithms = Set()
        let mappings: JSON = jwt.claimMappings
        username = try Self.mapping(mappings.username, at: at + ".claimMappings.username", [.string])
        if case .none = username {
            throw TokenIssuerFault("\(at).claimMappings.username: Required value: claim or expression is required")
        }
        groups = try Self.mapping(mappings.groups, at: at + ".claimMappings.groups", [.string, .list(.string), .null])
        uid = try Self.mapping(mappings.uid, at: at + ".claimMappings.uid", [.string])
        for (i, entry) in mappings.extra.elements.enumerated() {
            let program: CELProgram = try Self.program(
                entry.valueExpression.text, Self.claims, [.string, .list(.string), .null],
                at: "\(at).claimMappings.extra[\(i)].valueExpression")
            extra.append((entry.key.text, program))
        }
        for (i, rule) in jwt.claimValidationRules.elements.enumerated() {
            claimRules.append(try Self.claimRule(rule, at: "\(at).claimValidationRules[\(i)]"))
        }
        for (i, rule) in jwt.userValidationRules.elements.enumerated() {
            let program: CELProgram = try Self.program(
                rule.expression.text, Self.user, [.bool], at: "\(at).userValidationRules[\(i)].expression")
            userRules.append(UserRule(program: program, message: rule.message.text))
        }
    }

    private static func mapping(
        _ json: JSON, at: String, _ types: [CELType]
    ) throws(TokenIssuerFault) -> Mapping {
        let (claim, expression): (String, String) = (json.claim.text, json.expression.text)
        if !claim.isEmpty, !expression.isEmpty {
            throw TokenIssuerFault("\(at): Invalid value: \"\": claim and expression can't both be set")
        }
        if !expression.isEmpty {
            return .expression(try program(expression, claims, types, at: at + ".expression"))
        }
        return claim.isEmpty ? .none : .claim(claim, prefix: json.prefix.text)
    }

    private static func claimRule(_ json: JSON, at: String) throws(TokenIssuerFault) -> ClaimRule {
        if !json.expression.text.isEmpty {
            return .expression(
                try program(json.expression.text, claims, [.bool], at: at + ".expression"), message: json.message.text)
        }
        if json.claim.text.isEmpty { throw TokenIssuerFault("\(at): Required value: claim or expression is required") }
        return .required(claim: json.claim.text, value: json.requiredValue.text)
    }

    private static func program(
        _ text: String, _ environment: CELEnvironment, _ types: [CELType], at: String
    ) throws(TokenIssuerFault) -> CELProgram {
        do throws(CELError) {
            return try CELProgram(text, environment, returns: types)
        } catch {
            throw TokenIssuerFault("\(at): Invalid value: \(JSON(text)): \(error)")
        }
    }

    // MARK: flags

    /// `--oidc-issuer-url`, `--oidc-client-id` and their companions.
    package init(
        flags url: String, clientID: String, usernameClaim: String, usernamePrefix: String?, groupsClaim: String,
        groupsPrefix: String, requiredClaims: [(String, String)], algorithms: [String], authorityPEM: String?
    ) throws(TokenIssuerFault) {
        guard url.hasPrefix("https://") else {
            throw TokenIssuerFault("oidc-issuer-url: URL scheme must be https")
        }
        if clientID.isEmpty { throw TokenIssuerFault("oidc-client-id is required with oidc-issuer-url") }
        self.init(url: url, audiences: [clientID])
        self.authorityPEM = authorityPEM
        self.algorithms = Set(algorithms.isEmpty ? ["RS256"] : algorithms)
        let claim: String = usernameClaim.isEmpty ? "sub" : usernameClaim
        // Names of another claim than email say whose they are, unless that is switched off by "-".
        let prefix: String = usernamePrefix ?? (claim == "email" ? "" : url + "#")
        username = .claim(claim, prefix: prefix == "-" ? "" : prefix)
        if !groupsClaim.isEmpty { groups = .claim(groupsClaim, prefix: groupsPrefix) }
        claimRules = requiredClaims.map { .required(claim: $0.0, value: $0.1) }
    }
}
