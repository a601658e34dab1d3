// A strategy from two functions, for kinds whose only speciality is what they must look like.

import KubeModel
import KubeServer
import KubeWire

struct RuledStrategy: Strategy {
    typealias Rule = @Sendable (_ object: JSON, _ out: inout Faults) -> Void
    typealias UpdateRule = @Sendable (_ new: JSON, _ old: JSON, _ out: inout Faults) -> Void

    var nameRule: NameRule = .subdomain
    var hasStatus: Bool = false
    var keepsGeneration: Bool = false
    var allowsCreateOnUpdate: Bool = false
    var allowsUnconditionalUpdate: Bool = true
    var rule: Rule
    /// Beside `rule`.
    var updateRule: UpdateRule?

    init(
        hasStatus: Bool = false, keepsGeneration: Bool = false, nameRule: NameRule = .subdomain,
        allowsCreateOnUpdate: Bool = false, updating updateRule: UpdateRule? = nil, _ rule: @escaping Rule
    ) {
        self.hasStatus = hasStatus
        self.keepsGeneration = keepsGeneration
        self.nameRule = nameRule
        self.allowsCreateOnUpdate = allowsCreateOnUpdate
        self.updateRule = updateRule
        self.rule = rule
    }

    func prepareForCreate(_ object: inout JSON, _ context: RequestContext) {
        if hasStatus { object.status = [:] }
    }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        if hasStatus { Self.keepStatus(&new, old: old) }
    }
    func validate(_ object: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        rule(object, &out)
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        rule(new, &out)
        updateRule?(new, old, &out)
        return out.list
    }
}
