// Gives every expression its type, picks overloads, and tells what does not fit, in cel-go's words.

struct Checker {
    private let environment: CELEnvironment
    private var scopes: [(name: String, type: CELType)] = []
    private var substitution: Substitution = Substitution()
    private(set) var faults: [CELFault] = []
    /// Inside of the arguments of `format`, whose list may mix types.
    private var mixes: Bool = false
    /// Faults of one expression that are told at most.
    private static let faultsMax: Int = 100

    init(_ environment: CELEnvironment) { self.environment = environment }

    /// Types are written into the tree.
    static func check(_ e: Expression, _ environment: CELEnvironment) throws(CELFaults) {
        var checker: Checker = Checker(environment)
        _ = checker.type(e)
        guard checker.faults.isEmpty else {
            var all: CELFaults = CELFaults(0, "")
            all.faults = checker.faults
            throw all
        }
        checker.settle(e)
    }

    private mutating func fault(_ offset: Int, _ message: String) -> CELType {
        if faults.count < Checker.faultsMax { faults.append(CELFault(offset: offset, message: message)) }
        return .error
    }

    private func settle(_ e: Expression) {
        e.type = substitution.resolved(e.type, final: true)
        for child in Expression.children(e.kind) { settle(child) }
    }

    private func shown(_ t: CELType) -> String { "\(substitution.resolved(t))" }

    private mutating func type(_ e: Expression) -> CELType {
        let t: CELType = find(e)
        e.type = t
        return t
    }

    private mutating func find(_ e: Expression) -> CELType {
        switch e.kind {
        case .literal(let value): return value.type
        case .identifier(let name):
            if let t = variable(name) { return t }
            return fault(e.offset, "undeclared reference to '\(name)' (in container '')")
        case .select(let operand, let field, let isTest, let isOptional):
            if !isTest, !isOptional, let t = qualified(e) { return t }
            return select(e, operand, field, isTest: isTest, isOptional: isOptional)
        case .call(let name, let target, let arguments): return call(e, name, target, arguments)
        case .list(let elements): return list(elements)
        case .map(let entries): return map(entries)
        case .structure(let name, let fields): return structure(e, name, fields)
        case .comprehension(let c): return comprehension(e, c)
        }
    }

    private func variable(_ name: String) -> CELType? {
        if let local = scopes.last(where: { $0.name == name }) { return local.type }
        if let declaration = environment.declaration(name) { return declaration.type }
        return CELType.named[name].map { .type($0) }
    }

    /// `google.protobuf.Timestamp`, `authorizer.requestResource`: names with dots that stand for a type or variable.
    private func qualified(_ e: Expression) -> CELType? {
        if let name = e.dotted, let declaration = environment.declaration(name),
            !scopes.contains(where: { name.hasPrefix($0.name + ".") })
        {
            e.qualifiedName = name
            return declaration.type
        }
        guard let name = e.dotted, let first = name.split(separator: ".").first, variable(String(first)) == nil,
            let t = CELType.named[name] ?? environment.types[name]
        else { return nil }
        e.qualifiedName = name
        return .type(t)
    }

    private mutating func select(
        _ e: Expression, _ operand: Expression, _ field: String, isTest: Bool, isOptional: Bool
    ) -> CELType {
        var of: CELType = substitution.resolved(type(operand))
        var wraps: Bool = isOptional
        if case .optional(let inner) = of {
            of = inner
            wraps = true
        }
        let result: CELType
        switch of {
        case .dyn, .error, .variable: result = of == .error ? .error : .dyn
        case .map(_, let value): result = value
        case .opaque(let name) where name == "Object" || name.hasPrefix("Object."): result = .dyn
        case .object(let declaration):
            guard let found = declaration.fields[field] else {
                return fault(e.offset, "undefined field '\(field)'")
            }
            result = found.declaration.type
        default:
            return fault(e.offset, "type '\(shown(of))' does not support field selection")
        }
        if isTest { return .bool }
        return wraps ? .optional(result) : result
    }

    private mutating func list(_ elements: [(value: Expression, isOptional: Bool)]) -> CELType {
        var common: CELType?
        for (value, isOptional) in elements {
            var t: CELType = type(value)
            if isOptional { t = unwrapped(t, value) }
            common = joined(common, t, value)
        }
        return .list(common ?? substitution.fresh())
    }

    private mutating func map(_ entries: [(key: Expression, value: Expression, isOptional: Bool)]) -> CELType {
        var key: CELType?
        var value: CELType?
        for entry in entries {
            key = joined(key, type(entry.key), entry.key)
            // Keys are scalars; types that nest on both sides would also grow without bound.
            switch substitution.resolved(key ?? .dyn) {
            case .list, .map, .optional, .object, .opaque, .type:
                return fault(entry.key.offset, "unsupported map key type: \(shown(key ?? .dyn))")
            default: break
            }
            var t: CELType = type(entry.value)
            if entry.isOptional { t = unwrapped(t, entry.value) }
            value = joined(value, t, entry.value)
        }
        return .map(key ?? substitution.fresh(), value ?? substitution.fresh())
    }

    private mutating func unwrapped(_ t: CELType, _ e: Expression) -> CELType {
        let inner: CELType = substitution.fresh()
        guard substitution.assign(.optional(inner), t) else {
            return fault(e.offset, "expected type 'optional_type(\(shown(inner)))' but found '\(shown(t))'")
        }
        return substitution.resolved(t).isDynamic ? .dyn : inner
    }

    private mutating func joined(_ known: CELType?, _ t: CELType, _ e: Expression) -> CELType {
        guard let known else { return t }
        if let both = substitution.join(known, t) { return both }
        if mixes { return .dyn }
        return fault(e.offset, "expected type '\(shown(known))' but found '\(shown(t))'")
    }

    private mutating func structure(
        _ e: Expression, _ name: String, _ fields: [(field: String, value: Expression, isOptional: Bool, offset: Int)]
    ) -> CELType {
        for f in fields { _ = type(f.value) }
        guard let t = environment.structureType(name) else {
            return fault(e.offset, "undeclared reference to '\(name)' (in container '')")
        }
        guard case .object(let declaration) = t else { return t }
        for f in fields {
            guard let found = declaration.fields[f.field] else {
                return fault(f.offset, "undefined field '\(f.field)'")
            }
            var given: CELType = f.value.type
            if f.isOptional { given = unwrapped(given, f.value) }
            if !substitution.assign(found.declaration.type, given) {
                return fault(
                    f.offset,
                    "expected type of field '\(f.field)' is '\(shown(found.declaration.type))' but provided type is '\(shown(given))'"
                )
            }
        }
        return t
    }

    // MARK: calls

    private mutating func call(
        _ e: Expression, _ name: String, _ target: Expression?, _ arguments: [Expression]
    ) -> CELType {
        if let target, let prefix = target.dotted {
            let whole: String = prefix + "." + name
            let first: Substring = prefix.prefix { $0 != "." }
            if variable(String(first)) == nil || CELType.named[String(first)] != nil,
                let overloads = environment.overloads(whole), overloads.contains(where: { !$0.isMember })
            {
                e.kind = .call(whole, target: nil, arguments)
                return call(e, whole, nil, arguments)
            }
        }
        if name == "_&&_" || name == "_||_" {
            for a in arguments {
                let t: CELType = type(a)
                if !substitution.assign(.bool, t) {
                    let types: String = arguments.map { shown($0 === a ? t : .bool) }.joined(separator: ", ")
                    return fault(e.offset, "found no matching overload for '\(name)' applied to '(\(types))'")
                }
            }
            return .bool
        }
        var types: [CELType] = []
        if let target { types.append(type(target)) }
        let mixed: Bool = mixes
        mixes = mixes || (name == "format" && target != nil)
        for a in arguments { types.append(type(a)) }
        mixes = mixed
        guard let all = environment.overloads(name) else {
            return fault(e.offset, "undeclared reference to '\(name)' (in container '')")
        }
        var found: [CELOverload] = []
        var result: CELType?
        for overload in all
        where overload.isMember == (target != nil) && overload.parameters.count == types.count {
            let (parameters, returned) = substitution.instantiate(overload)
            guard substitution.assign(parameters, types) else { continue }
            found.append(overload)
            let r: CELType = substitution.resolved(returned)
            if let known = result { result = known == r ? r : .dyn } else { result = r }
        }
        guard let result else {
            let shownTypes: [String] = types.map { shown($0) }
            let list: String =
                target == nil
                ? "(" + shownTypes.joined(separator: ", ") + ")"
                : shownTypes[0] + ".(" + shownTypes.dropFirst().joined(separator: ", ") + ")"
            if types.contains(where: { substitution.resolved($0) == .error }) { return .error }
            return fault(e.offset, "found no matching overload for '\(name)' applied to '\(list)'")
        }
        e.overloads = found
        return result
    }

    // MARK: comprehensions

    private mutating func comprehension(_ e: Expression, _ c: Comprehension) -> CELType {
        let range: CELType = substitution.resolved(type(c.range))
        let depth: Int = scopes.count
        defer { scopes.removeSubrange(depth...) }
        if c.operation == .bind {
            scopes.append((c.names[0], range))
            return c.body.map { type($0) } ?? .dyn
        }
        if c.operation == .optMap || c.operation == .optFlatMap { return optional(e, c, range) }
        let key: CELType
        let value: CELType
        switch range {
        case .list(let element): (key, value) = (c.names.count == 1 ? element : .int, element)
        case .map(let k, let v): (key, value) = (k, v)
        case .dyn, .error, .variable: (key, value) = (.dyn, .dyn)
        default:
            return fault(
                c.range.offset,
                "expression of type '\(shown(range))' cannot be range of a comprehension (must be list, map, or dynamic)"
            )
        }
        if c.names.count == 1 {
            scopes.append((c.names[0], key))
        } else {
            scopes.append((c.names[0], key))
            scopes.append((c.names[1], value))
        }
        if let condition = c.condition { expect(.bool, condition) }
        guard let body = c.body else { return .error }
        switch c.operation {
        case .all, .exists, .existsOne:
            expect(.bool, body)
            return .bool
        case .filter:
            expect(.bool, body)
            if case .map(let k, _) = range { return .list(k) }
            return .list(key)
        case .map, .transformList: return .list(type(body))
        case .transformMap: return .map(key, type(body))
        case .transformMapEntry:
            let t: CELType = substitution.resolved(type(body))
            if t.isDynamic { return .map(.dyn, .dyn) }
            guard case .map = t else {
                return fault(body.offset, "expected type 'map(dyn, dyn)' but found '\(shown(t))'")
            }
            return t
        case .sortBy:
            _ = type(body)
            return range.isDynamic ? .list(.dyn) : range
        case .bind, .optMap, .optFlatMap: return .error
        }
    }

    private mutating func optional(_ e: Expression, _ c: Comprehension, _ range: CELType) -> CELType {
        var inner: CELType = .dyn
        switch range {
        case .optional(let t): inner = t
        case .dyn, .error, .variable: break
        default:
            return fault(
                e.offset,
                "found no matching overload for '\(c.operation == .optMap ? "optMap" : "optFlatMap")' applied to '\(shown(range)).()'"
            )
        }
        scopes.append((c.names[0], inner))
        guard let body = c.body else { return .error }
        let t: CELType = type(body)
        if c.operation == .optMap { return .optional(t) }
        let r: CELType = substitution.resolved(t)
        if r.isDynamic { return .optional(.dyn) }
        guard case .optional = r else {
            return fault(body.offset, "expected type 'optional_type' but found '\(shown(t))'")
        }
        return t
    }

    private mutating func expect(_ wanted: CELType, _ e: Expression) {
        let t: CELType = type(e)
        if !substitution.assign(wanted, t) {
            _ = fault(e.offset, "expected type '\(shown(wanted))' but found '\(shown(t))'")
        }
    }
}
