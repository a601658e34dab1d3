// The fault of a list that is too long.

extension FieldError {
    package static func tooMany(_ field: String, actual: Int, max: Int) -> FieldError {
        FieldError(
            field: field, reason: .tooMany, detail: "Too many: \(actual): must have at most \(max) items")
    }
}
