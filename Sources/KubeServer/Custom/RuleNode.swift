// x-kubernetes-validations of a schema, compiled once: the rules of a node and the nodes below that have any.

import KubeCEL
import KubeModel
import KubeWire

/// One rule of a node.
struct SchemaRule: Sendable {
    /// As written in the schema.
    let json: JSON
    let program: Result<CELProgram, CELError>
    /// nil when there is no messageExpression.
    let message: Result<CELProgram, CELError>?
    /// oldSelf is an optional value.
    let isOldOptional: Bool
    /// Steps below the node, written as a field path; empty: the node itself.
    let fieldPath: String

    var usesOldSelf: Bool {
        if case .success(let p) = program { return p.references.contains("oldSelf") }
        return false
    }
    var text: String { SchemaRules.trimmed(json.rule.text) }
    /// What a failure says when no expression says it.
    var failure: String {
        json.message.text.isEmpty ? "failed rule: " + text : SchemaRules.trimmed(json.message.text)
    }
    /// Names the rule in messages about the rule itself.
    var shown: String { json.message.text.isEmpty ? text : SchemaRules.trimmed(json.message.text) }

    init(_ json: JSON, _ node: SchemaNode, _ environment: CELEnvironment) {
        self.json = json
        isOldOptional = json.optionalOldSelf.isTrue
        program = SchemaRule.compile(json.rule.text, environment, .bool)
        message =
            json.messageExpression.text.isEmpty
            ? nil : SchemaRule.compile(json.messageExpression.text, environment, .string)
        if case .success(let found) = SchemaPath.find(json.fieldPath.text, node), !json.fieldPath.text.isEmpty {
            fieldPath = found.steps.enumerated().map { i, s in i == 0 ? s : "." + s }.joined()
        } else {
            fieldPath = ""
        }
    }

    private static func compile(
        _ text: String, _ environment: CELEnvironment, _ type: CELType
    ) -> Result<CELProgram, CELError> {
        do throws(CELError) {
            return .success(try CELProgram(text, environment, returns: type))
        } catch {
            return .failure(error)
        }
    }
}

/// nil where neither the node nor anything below has a rule.
final class RuleNode: Sendable {
    let node: SchemaNode
    let rules: [SchemaRule]
    /// nil: the type cannot be reached by expressions.
    let declaration: CELDeclaration?
    let properties: [String: RuleNode]
    let items: RuleNode?
    let additional: RuleNode?

    convenience init?(root: SchemaNode) { self.init(root, isResource: true) }

    init?(_ node: SchemaNode, isResource: Bool) {
        let list: [JSON] = node.json["x-kubernetes-validations"].elements
        var properties: [String: RuleNode] = [:]
        for (name, p) in node.properties {
            if let below = RuleNode(p, isResource: p.isEmbedded) { properties[name] = below }
        }
        items = node.items.flatMap { RuleNode($0, isResource: $0.isEmbedded) }
        additional = node.additional.flatMap { RuleNode($0, isResource: $0.isEmbedded) }
        guard !list.isEmpty || !properties.isEmpty || items != nil || additional != nil else { return nil }
        self.node = node
        self.properties = properties
        guard !list.isEmpty else {
            rules = []
            declaration = nil
            return
        }
        let declaration: CELDeclaration? = CELDeclaration.schema(node.json, isResourceRoot: isResource)
        self.declaration = declaration
        let own: CELDeclaration = declaration ?? .dyn
        rules = list.filter { !SchemaRules.trimmed($0.rule.text).isEmpty }.map { json in
            let old: CELDeclaration = json.optionalOldSelf.isTrue ? CELDeclaration.of(.optional(own.type)) : own
            return SchemaRule(
                json, node,
                CELEnvironment(variables: [(name: "self", declaration: own), (name: "oldSelf", declaration: old)]))
        }
    }
}
