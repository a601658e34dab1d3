// The one error that crosses the API: it becomes a `Status` body in exactly one place, `status`.

package import KubeWire

/// A failed request, in the words of k8s.io/apimachinery/pkg/api/errors.
package struct StatusError: Error, Sendable, Equatable, CustomStringConvertible {
    /// HTTP status code.
    package var code: Int
    /// metav1.StatusReason: NotFound, AlreadyExists, Conflict, Invalid, …
    package var reason: String
    package var message: String
    /// metav1.StatusDetails, or null.
    package var details: JSON

    package init(code: Int, reason: String, message: String, details: JSON = .null) {
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
    }

    package var description: String { message }

    /// The body: a metav1.Status.
    package var status: JSON {
        var s: JSON = ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure"]
        s.message = .string(message)
        s.reason = reason.isEmpty ? .null : .string(reason)
        s.details = details
        s.code = JSON(code)
        return s
    }

    /// From a metav1.Status body and the response's code.
    package init(status: JSON, code: Int) {
        self.code = status.code.asInt ?? code
        reason = status.reason.text
        message = status.message.asString ?? "the server responded with the status code \(code)"
        details = status.details
    }
}

extension StatusError {
    private static func details(_ resource: GroupResource, _ name: String) -> JSON {
        var d: JSON = [:]
        if !name.isEmpty { d.name = .string(name) }
        if !resource.group.isEmpty { d.group = .string(resource.group) }
        if !resource.resource.isEmpty { d.kind = .string(resource.resource) }
        return d
    }

    package static func notFound(_ resource: GroupResource, _ name: String) -> StatusError {
        StatusError(
            code: 404, reason: "NotFound", message: "\(resource) \"\(name)\" not found",
            details: details(resource, name))
    }
    /// No such path or resource.
    package static let noSuchResource: StatusError = StatusError(
        code: 404, reason: "NotFound", message: "the server could not find the requested resource", details: [:])
    package static func alreadyExists(_ resource: GroupResource, _ name: String) -> StatusError {
        StatusError(
            code: 409, reason: "AlreadyExists", message: "\(resource) \"\(name)\" already exists",
            details: details(resource, name))
    }
    package static func conflict(_ resource: GroupResource, _ name: String, _ why: String) -> StatusError {
        StatusError(
            code: 409, reason: "Conflict", message: "Operation cannot be fulfilled on \(resource) \"\(name)\": \(why)",
            details: details(resource, name))
    }
    /// The usual conflict: the object has moved on since it was read.
    package static func modified(_ resource: GroupResource, _ name: String) -> StatusError {
        conflict(
            resource, name,
            "the object has been modified; please apply your changes to the latest version and try again")
    }
    package static func badRequest(_ message: String) -> StatusError {
        StatusError(code: 400, reason: "BadRequest", message: message)
    }
    package static func unauthorized(_ message: String = "Unauthorized") -> StatusError {
        StatusError(code: 401, reason: "Unauthorized", message: message)
    }
    package static func forbidden(_ resource: GroupResource, _ name: String, _ why: String) -> StatusError {
        let subject: String = resource.resource.isEmpty ? "forbidden" : "\(resource) \"\(name)\" is forbidden"
        return StatusError(
            code: 403, reason: "Forbidden", message: "\(subject): \(why)", details: details(resource, name))
    }
    package static func methodNotSupported(_ resource: GroupResource, _ action: String) -> StatusError {
        StatusError(
            code: 405, reason: "MethodNotAllowed", message: "\(action) is not supported on resources of kind \"\(resource)\"",
            details: details(resource, ""))
    }
    /// `metadata.resourceVersion` or a continue token that is no longer kept.
    package static func expired(_ message: String) -> StatusError {
        StatusError(code: 410, reason: "Expired", message: message)
    }
    package static func tooLarge(_ message: String) -> StatusError {
        StatusError(code: 413, reason: "RequestEntityTooLarge", message: message)
    }
    package static func unsupportedMediaType(_ message: String) -> StatusError {
        StatusError(code: 415, reason: "UnsupportedMediaType", message: message)
    }
    package static func tooManyRequests(_ message: String, retryAfterSeconds: Int) -> StatusError {
        StatusError(
            code: 429, reason: "TooManyRequests", message: message,
            details: ["retryAfterSeconds": JSON(retryAfterSeconds)])
    }
    package static func internalError(_ message: String) -> StatusError {
        StatusError(
            code: 500, reason: "InternalError", message: "Internal error occurred: \(message)",
            details: ["causes": [["message": .string(message)]]])
    }
    package static func serviceUnavailable(_ message: String) -> StatusError {
        StatusError(code: 503, reason: "ServiceUnavailable", message: message)
    }
    package static func timeout(_ message: String) -> StatusError {
        StatusError(code: 504, reason: "Timeout", message: message)
    }

    /// 422 with each cause: `Pod "x" is invalid: spec.containers: Required value`.
    package static func invalid(kind: GroupKind, name: String, _ causes: [FieldError]) -> StatusError {
        let list: [String] = causes.map { $0.description }
        let text: String = list.count == 1 ? list[0] : "[" + list.joined(separator: ", ") + "]"
        var d: JSON = [:]
        if !name.isEmpty { d.name = .string(name) }
        if !kind.group.isEmpty { d.group = .string(kind.group) }
        d.kind = .string(kind.kind)
        d.causes = .array(
            causes.map {
                ["reason": .string($0.reason.rawValue), "message": .string($0.detail), "field": .string($0.field)]
            })
        return StatusError(
            code: 422, reason: "Invalid", message: "\(kind) \"\(name)\" is invalid: \(text)", details: d)
    }

    package var isNotFound: Bool { code == 404 }
    package var isAlreadyExists: Bool { reason == "AlreadyExists" }
    package var isConflict: Bool { reason == "Conflict" }
    package var isExpired: Bool { code == 410 }
}

/// One fault of one field: k8s.io/apimachinery/pkg/util/validation/field.Error.
package struct FieldError: Sendable, Equatable, CustomStringConvertible {
    package enum Reason: String, Sendable {
        case required = "FieldValueRequired"
        case invalid = "FieldValueInvalid"
        case notSupported = "FieldValueNotSupported"
        case duplicate = "FieldValueDuplicate"
        case forbidden = "FieldValueForbidden"
        case notFound = "FieldValueNotFound"
        case tooLong = "FieldValueTooLong"
        case tooMany = "FieldValueTooMany"
        case internalError = "InternalError"
        case typeInvalid = "FieldValueTypeInvalid"
    }

    /// `spec.template.spec.containers[0].image`
    package var field: String
    package var reason: Reason
    /// The whole message without the field: `Invalid value: "x": must be …`.
    package var detail: String

    package var description: String { "\(field): \(detail)" }

    package static func required(_ field: String, _ why: String = "") -> FieldError {
        FieldError(field: field, reason: .required, detail: "Required value" + (why.isEmpty ? "" : ": " + why))
    }
    package static func invalid(_ field: String, _ value: JSON, _ why: String) -> FieldError {
        FieldError(field: field, reason: .invalid, detail: "Invalid value: \(value): \(why)")
    }
    package static func notSupported(_ field: String, _ value: JSON, _ supported: [String]) -> FieldError {
        let list: String = supported.map { "\"\($0)\"" }.joined(separator: ", ")
        return FieldError(
            field: field, reason: .notSupported, detail: "Unsupported value: \(value): supported values: \(list)")
    }
    package static func duplicate(_ field: String, _ value: JSON) -> FieldError {
        FieldError(field: field, reason: .duplicate, detail: "Duplicate value: \(value)")
    }
    package static func forbidden(_ field: String, _ why: String) -> FieldError {
        FieldError(field: field, reason: .forbidden, detail: "Forbidden: \(why)")
    }
    package static func notFound(_ field: String, _ value: JSON) -> FieldError {
        FieldError(field: field, reason: .notFound, detail: "Not found: \(value)")
    }
    package static func tooLong(_ field: String, maxLength: Int) -> FieldError {
        FieldError(field: field, reason: .tooLong, detail: "Too long: may not be more than \(maxLength) bytes")
    }
}
