// One node of a custom resource's OpenAPI v3 schema, read once so that judging an object looks nothing up in JSON.

import KubeCEL
import KubeWire

/// Frozen after `init`; a tree of these is shared by all requests of a version.
final class SchemaNode: Sendable {
    let json: JSON
    /// `object`, `array`, `string`, `integer`, `number`, `boolean`, or empty.
    let type: String
    let isNullable: Bool
    let properties: [String: SchemaNode]
    /// The properties' names in their written order.
    let names: [String]
    let items: SchemaNode?
    let additional: SchemaNode?
    /// `additionalProperties: true`, without a schema.
    let allowsAny: Bool
    let keepsUnknown: Bool
    let isEmbedded: Bool
    let isIntOrString: Bool
    /// `atomic`, `set`, `map`, or empty.
    let listType: String
    let mapKeys: [String]
    /// Null when there is none.
    let standard: JSON
    let required: [String]
    let values: [JSON]
    let format: String
    let pattern: SchemaPattern?
    let maxLength: Int?
    let minLength: Int?
    let minimum: JSON
    let maximum: JSON
    let isExclusiveMinimum: Bool
    let isExclusiveMaximum: Bool
    let multipleOf: JSON
    let maxItems: Int?
    let minItems: Int?
    let maxProperties: Int?
    let minProperties: Int?
    let isUnique: Bool
    let allOf: [SchemaNode]
    let anyOf: [SchemaNode]
    let oneOf: [SchemaNode]
    let not: SchemaNode?
    /// Some node at or below this one has a default.
    let hasDefaults: Bool

    init(_ json: JSON) {
        self.json = json
        type = json.type.text
        isNullable = json.nullable.isTrue
        var properties: [String: SchemaNode] = [:]
        for (name, schema) in json.properties.fields { properties[name] = SchemaNode(schema) }
        self.properties = properties
        names = json.properties.fields.keys
        items = json["items"].asObject == nil ? nil : SchemaNode(json["items"])
        additional = json.additionalProperties.asObject == nil ? nil : SchemaNode(json.additionalProperties)
        allowsAny = json.additionalProperties.isTrue
        keepsUnknown = json["x-kubernetes-preserve-unknown-fields"].isTrue
        isEmbedded = json["x-kubernetes-embedded-resource"].isTrue
        isIntOrString = json["x-kubernetes-int-or-string"].isTrue
        listType = json["x-kubernetes-list-type"].text
        mapKeys = json["x-kubernetes-list-map-keys"].strings
        standard = json["default"]
        required = json.required.strings
        values = json["enum"].elements
        format = json.format.text
        pattern = json.pattern.asString.flatMap { $0.isEmpty ? nil : SchemaPattern($0) }
        maxLength = json.maxLength.asInt
        minLength = json.minLength.asInt
        minimum = json.minimum
        maximum = json.maximum
        isExclusiveMinimum = json.exclusiveMinimum.isTrue
        isExclusiveMaximum = json.exclusiveMaximum.isTrue
        multipleOf = json.multipleOf
        maxItems = json.maxItems.asInt
        minItems = json.minItems.asInt
        maxProperties = json.maxProperties.asInt
        minProperties = json.minProperties.asInt
        isUnique = json.uniqueItems.isTrue
        allOf = json.allOf.elements.map { SchemaNode($0) }
        anyOf = json.anyOf.elements.map { SchemaNode($0) }
        oneOf = json.oneOf.elements.map { SchemaNode($0) }
        not = json["not"].asObject == nil ? nil : SchemaNode(json["not"])
        hasDefaults =
            standard.exists || properties.values.contains { $0.hasDefaults } || items?.hasDefaults == true
            || additional?.hasDefaults == true
    }

    /// The schema of a member, declared or by additionalProperties.
    func child(_ key: String) -> SchemaNode? { properties[key] ?? additional }
}

/// A pattern of a schema, compiled once. RE2's syntax, in linear time.
struct SchemaPattern: Sendable {
    let text: String
    private let regex: Result<CELRegex, CELError>

    init(_ text: String) {
        self.text = text
        do throws(CELError) {
            regex = .success(try CELRegex(text))
        } catch {
            regex = .failure(error)
        }
    }

    /// Why it is no pattern; nil when it is one.
    var fault: String? {
        if case .failure(let error) = regex { return error.message }
        return nil
    }
    func matches(_ value: String) -> Bool {
        guard case .success(let regex) = regex else { return true }
        // Too much work counts as no match.
        return (try? regex.isMatch(value)) ?? false
    }
}
