// From the claims of a verified token to a user: k8s.io/apiserver/plugin/pkg/authenticator/token/oidc.

import KubeBase
import KubeCEL
import KubeServer
import KubeWire

/// Pure: an issuer's rules on claims.
struct TokenClaims {
    let issuer: TokenIssuer
    let claims: JSON

    /// exp, nbf and aud, as every token has them.
    func check(now: Timestamp) throws(TokenIssuerFault) {
        let seconds: Double = Double(now.nanoseconds) / 1e9
        guard let end = claims.exp.asDouble else {
            throw TokenIssuerFault("oidc: verify token: oidc: token has no exp")
        }
        // Clocks differ: upstream gives no leeway to exp and five minutes to nbf.
        if end < seconds { throw TokenIssuerFault("oidc: verify token: oidc: token is expired") }
        if let start = claims.nbf.asDouble, start > seconds + 300 {
            throw TokenIssuerFault("oidc: verify token: oidc: current time is before the nbf (not before) time")
        }
        let given: [String] = claims.aud.asString.map { [$0] } ?? claims.aud.strings
        if Set(given).isDisjoint(with: issuer.audiences) {
            throw TokenIssuerFault(
                "oidc: verify token: oidc: expected audience in \(JSON(issuer.audiences)) got \(JSON(given))")
        }
    }

    func user() throws(TokenIssuerFault) -> UserInfo {
        var user: UserInfo = UserInfo(name: try username())
        user.groups = try groups()
        user.uid = try uid()
        for rule in issuer.claimRules { try check(rule) }
        for (key, program) in issuer.extra {
            let values: [String] = try texts(try evaluate(program), "extra")
            if !values.isEmpty { user.extra[key] = values }
        }
        for rule in issuer.userRules {
            var budget: CELBudget = CELBudget()
            let value: CELValue
            do throws(CELError) {
                value = try rule.program.evaluate(["user": Self.value(user)], limit: &budget)
            } catch {
                throw TokenIssuerFault("oidc: error evaluating user info validation rule: \(error)")
            }
            if value.asBool != true {
                throw TokenIssuerFault(
                    "oidc: error evaluating user info validation rule: validation expression '\(rule.program.text)' "
                        + "failed: \(rule.message)")
            }
        }
        return user
    }

    private static func value(_ user: UserInfo) -> CELValue {
        var json: JSON = ["username": .string(user.name), "uid": .string(user.uid), "groups": JSON(user.groups)]
        json.extra = [:]
        for (key, values) in user.extra { json.extra[key] = JSON(values) }
        return CELValue(json)
    }

    private func username() throws(TokenIssuerFault) -> String {
        switch issuer.username {
        case .none: throw TokenIssuerFault("oidc: no username mapping")
        case .expression(let program):
            guard let name = try evaluate(program).asString else {
                throw TokenIssuerFault("oidc: error evaluating username claim expression: not a string")
            }
            if name.isEmpty { throw TokenIssuerFault("oidc: empty username via CEL expression is not allowed") }
            return name
        case .claim(let claim, let prefix):
            guard claims.fields[claim] != nil else {
                throw TokenIssuerFault("oidc: parse username claims \(JSON(claim)): claim not present")
            }
            guard let name = claims[claim].asString else {
                throw TokenIssuerFault("oidc: parse username claims \(JSON(claim)): not a string")
            }
            // A provider that says whether an address was verified must have verified it.
            if claim == "email", claims["email_verified"].exists, !claims["email_verified"].isTrue {
                throw TokenIssuerFault("oidc: email not verified")
            }
            return prefix + name
        }
    }

    private func groups() throws(TokenIssuerFault) -> [String] {
        switch issuer.groups {
        case .none: return []
        case .expression(let program): return try texts(try evaluate(program), "groups")
        case .claim(let claim, let prefix):
            guard claims[claim].exists else { return [] }
            if let one = claims[claim].asString { return [prefix + one] }
            guard let list = claims[claim].asArray, list.allSatisfy({ $0.asString != nil }) else {
                throw TokenIssuerFault("oidc: parse groups claim \(JSON(claim)): not a string or a list of strings")
            }
            return list.map { prefix + $0.text }
        }
    }

    private func uid() throws(TokenIssuerFault) -> String {
        switch issuer.uid {
        case .none: return ""
        case .expression(let program): return try evaluate(program).asString ?? ""
        case .claim(let claim, _):
            guard claims.fields[claim] != nil else {
                throw TokenIssuerFault("oidc: error parsing uid claim \(JSON(claim)): claim not present")
            }
            return claims[claim].text
        }
    }

    private func check(_ rule: TokenIssuer.ClaimRule) throws(TokenIssuerFault) {
        switch rule {
        case .required(let claim, let wanted):
            guard claims.fields[claim] != nil else {
                throw TokenIssuerFault("oidc: required claim \(claim) not present in ID token")
            }
            guard claims[claim].asString == wanted else {
                throw TokenIssuerFault(
                    "oidc: required claim \(claim) value does not match. Got = \(claims[claim].text), want = \(wanted)")
            }
        case .expression(let program, let message):
            if try evaluate(program).asBool == true { return }
            throw TokenIssuerFault(
                "oidc: error evaluating claim validation expression: validation expression '\(program.text)' failed: "
                    + message)
        }
    }

    private func evaluate(_ program: CELProgram) throws(TokenIssuerFault) -> CELValue {
        var budget: CELBudget = CELBudget()
        do throws(CELError) {
            return try program.evaluate(["claims": CELValue(claims)], limit: &budget)
        } catch {
            throw TokenIssuerFault("oidc: error evaluating expression '\(program.text)': \(error)")
        }
    }

    /// A string, a list of strings or null; what is empty is left out.
    private func texts(_ value: CELValue, _ what: String) throws(TokenIssuerFault) -> [String] {
        let json: JSON = value.json ?? .null
        if let one = json.asString { return one.isEmpty ? [] : [one] }
        guard json.isNull || json.asArray != nil, json.elements.allSatisfy({ $0.asString != nil }) else {
            throw TokenIssuerFault("oidc: \(what) must be a string or a list of strings")
        }
        return json.strings.filter { !$0.isEmpty }
    }
}
