// The rarer kinds of field faults.

package import KubeWire

extension FieldError {
    package static func tooMany(_ field: String, _ count: Int, max: Int) -> FieldError {
        FieldError(field: field, reason: .tooMany, detail: "Too many: \(count): must have at most \(max) items")
    }
    /// With the whole detail as it is to be shown.
    package static func plain(_ field: String, _ reason: Reason, _ detail: String) -> FieldError {
        FieldError(field: field, reason: reason, detail: detail)
    }
    /// `shown` is the whole value part: a value in JSON or a type's name in quotes.
    package static func wrongType(_ field: String, _ shown: String, _ why: String) -> FieldError {
        FieldError(field: field, reason: .typeInvalid, detail: "Invalid value: \(shown): \(why)")
    }
    /// `Invalid value: why`, for values that are not worth showing.
    package static func invalidWhole(_ field: String, _ why: String) -> FieldError {
        FieldError(field: field, reason: .invalid, detail: "Invalid value: " + why)
    }
    package static func duplicate(_ field: String, _ value: JSON, _ why: String) -> FieldError {
        FieldError(field: field, reason: .duplicate, detail: "Duplicate value: \(value): \(why)")
    }
}
