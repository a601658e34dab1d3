// Which labelled objects are meant: the selector text of queries and the metav1.LabelSelector of objects.

package import KubeWire

/// Requirements that must all hold. Texts such as `app=web,tier in (a,b),!x,n>3` follow k8s.io/apimachinery/pkg/labels.
package struct LabelSelector: Sendable, Hashable {
    package enum Operator: String, Sendable {
        case equals = "="
        case doubleEquals = "=="
        case notEquals = "!="
        case isIn = "in"
        case notIn = "notin"
        case exists = "exists"
        case doesNotExist = "!"
        case greaterThan = "gt"
        case lessThan = "lt"
    }

    package struct Requirement: Sendable, Hashable {
        package var key: String
        package var op: Operator
        /// Sorted.
        package var values: [String]
        package init(_ key: String, _ op: Operator, _ values: [String] = []) {
            self.key = key
            self.op = op
            self.values = values.sorted()
        }
    }

    /// Sorted by key.
    package private(set) var requirements: [Requirement]
    /// From an absent metav1.LabelSelector: matches no object.
    package private(set) var selectsNothing: Bool = false

    package static let everything: LabelSelector = LabelSelector(requirements: [])
    package static let nothing: LabelSelector = {
        var s: LabelSelector = .everything
        s.selectsNothing = true
        return s
    }()

    package init(requirements: [Requirement]) { self.requirements = requirements.sorted { $0.key < $1.key } }

    /// Equality with each label: `spec.selector` of Services and ReplicationControllers.
    package init(matching labels: [String: String]) {
        self.init(requirements: labels.map { Requirement($0.key, .equals, [$0.value]) })
    }

    /// The text of `labelSelector=`; throws BadRequest in upstream's words.
    package init(parsing text: String) throws(StatusError) {
        do throws(LabelSelectorFault) {
            var parser: LabelSelectorParser = LabelSelectorParser(text)
            self.init(requirements: try parser.requirements())
        } catch {
            throw .badRequest("unable to parse requirement: \(error.message)")
        }
    }

    /// A metav1.LabelSelector: absent selects nothing, empty everything; a malformed one selects nothing.
    package init(_ json: JSON) { self = (try? LabelSelector(validating: json)) ?? .nothing }

    /// A metav1.LabelSelector; throws BadRequest when an operator or a value is wrong.
    package init(validating json: JSON) throws(StatusError) {
        guard json.exists else {
            self = .nothing
            return
        }
        var list: [Requirement] = []
        for (key, value) in json.matchLabels.fields { list.append(Requirement(key, .equals, [value.text])) }
        for e in json.matchExpressions.elements {
            let values: [String] = e.values.strings
            let op: Operator
            switch e["operator"].text {
            case "In": op = .isIn
            case "NotIn": op = .notIn
            case "Exists": op = .exists
            case "DoesNotExist": op = .doesNotExist
            default: throw .badRequest("\"\(e["operator"].text)\" is not a valid label selector operator")
            }
            if op == .isIn || op == .notIn, values.isEmpty {
                throw .badRequest("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
            }
            if op == .exists || op == .doesNotExist, !values.isEmpty {
                throw .badRequest(
                    "values: Invalid value: \(JSON(values)): values set must be empty for exists and does not exist")
            }
            list.append(Requirement(e.key.text, op, values))
        }
        for r in list {
            if let fault = LabelSelectorParser.fault(of: r) { throw .badRequest(fault) }
        }
        self.init(requirements: list)
    }

    package var isEverything: Bool { requirements.isEmpty && !selectsNothing }

    package func matches(_ labels: [String: String]) -> Bool {
        !selectsNothing && requirements.allSatisfy { $0.matches(labels[$0.key]) }
    }

    /// The same on `metadata.labels` as it stands in the object, without building a dictionary.
    package func matches(labels: JSON) -> Bool {
        !selectsNothing && requirements.allSatisfy { $0.matches(labels[$0.key].asString) }
    }

    /// `metadata.labels` of an object.
    package func matches(object: JSON) -> Bool { matches(labels: object.metadata.labels) }

    /// The value an object must have under `key`, if one requirement demands a single value: for indexes.
    package func requiredValue(of key: String) -> String? {
        for r in requirements where r.key == key && r.values.count == 1 {
            if r.op == .equals || r.op == .doubleEquals || r.op == .isIn { return r.values[0] }
        }
        return nil
    }
}

extension LabelSelector.Requirement {
    package func matches(_ value: String?) -> Bool {
        switch op {
        case .equals, .doubleEquals, .isIn: return value.map { values.contains($0) } ?? false
        case .notEquals, .notIn: return value.map { !values.contains($0) } ?? true
        case .exists: return value != nil
        case .doesNotExist: return value == nil
        case .greaterThan, .lessThan:
            guard let value, let a = Int64(value), let b = values.first.flatMap({ Int64($0) }) else { return false }
            return op == .greaterThan ? a > b : a < b
        }
    }
}

extension LabelSelector: CustomStringConvertible {
    /// The canonical text: sorted by key, `k=v`, `k in (a,b)`, `!k`; empty for everything and for nothing.
    package var description: String { requirements.map { $0.description }.joined(separator: ",") }
}

extension LabelSelector.Requirement: CustomStringConvertible {
    package var description: String {
        switch op {
        case .equals, .doubleEquals, .notEquals: key + op.rawValue + (values.first ?? "")
        case .isIn, .notIn: "\(key) \(op.rawValue) (\(values.joined(separator: ",")))"
        case .exists: key
        case .doesNotExist: "!" + key
        case .greaterThan: key + ">" + (values.first ?? "")
        case .lessThan: key + "<" + (values.first ?? "")
        }
    }
}

struct LabelSelectorFault: Error { var message: String }

/// The recursive descent parser of selector texts.
struct LabelSelectorParser {
    private var tokens: [String] = []
    private var at: Int = 0

    init(_ text: String) {
        let specials: Set<Character> = ["(", ")", ",", "!", "=", "<", ">"]
        var word: String = ""
        var rest: Substring = text[...]
        while let c = rest.first {
            rest = rest.dropFirst()
            if c.isWhitespace || specials.contains(c) {
                if !word.isEmpty { tokens.append(word) }
                word = ""
                guard !c.isWhitespace else { continue }
                if c == "!" || c == "=", rest.first == "=" {
                    rest = rest.dropFirst()
                    tokens.append("\(c)=")
                } else {
                    tokens.append(String(c))
                }
            } else {
                word.append(c)
            }
        }
        if !word.isEmpty { tokens.append(word) }
    }

    private var next: String { at < tokens.count ? tokens[at] : "" }
    private static let symbols: Set<String> = ["(", ")", ",", "!", "=", "==", "!=", "<", ">"]
    private func isIdentifier(_ t: String) -> Bool { !t.isEmpty && !Self.symbols.contains(t) }

    mutating func requirements() throws(LabelSelectorFault) -> [LabelSelector.Requirement] {
        var out: [LabelSelector.Requirement] = []
        guard !tokens.isEmpty else { return out }
        while true {
            guard isIdentifier(next) || next == "!" else {
                throw LabelSelectorFault(message: "found '\(next)', expected: !, identifier, or 'end of string'")
            }
            let r: LabelSelector.Requirement = try requirement()
            if let fault = Self.fault(of: r) { throw LabelSelectorFault(message: fault) }
            out.append(r)
            if at >= tokens.count { return out }
            guard next == "," else {
                throw LabelSelectorFault(message: "found '\(next)', expected: ',' or 'end of string'")
            }
            at += 1
            guard isIdentifier(next) || next == "!" else {
                throw LabelSelectorFault(message: "found '\(next)', expected: identifier after ','")
            }
        }
    }

    private mutating func requirement() throws(LabelSelectorFault) -> LabelSelector.Requirement {
        let isNegated: Bool = next == "!"
        if isNegated { at += 1 }
        guard isIdentifier(next) else { throw LabelSelectorFault(message: "found '\(next)', expected: identifier") }
        let key: String = next
        at += 1
        if isNegated { return LabelSelector.Requirement(key, .doesNotExist) }
        if at >= tokens.count || next == "," { return LabelSelector.Requirement(key, .exists) }
        let op: String = next
        at += 1
        switch op {
        case "in": return LabelSelector.Requirement(key, .isIn, try set())
        case "notin": return LabelSelector.Requirement(key, .notIn, try set())
        case "=": return LabelSelector.Requirement(key, .equals, [value()])
        case "==": return LabelSelector.Requirement(key, .doubleEquals, [value()])
        case "!=": return LabelSelector.Requirement(key, .notEquals, [value()])
        case ">": return LabelSelector.Requirement(key, .greaterThan, [value()])
        case "<": return LabelSelector.Requirement(key, .lessThan, [value()])
        default:
            throw LabelSelectorFault(message: "found '\(op)', expected: in, notin, =, ==, !=, gt, lt")
        }
    }

    private mutating func value() -> String {
        guard isIdentifier(next) else { return "" }
        at += 1
        return tokens[at - 1]
    }

    private mutating func set() throws(LabelSelectorFault) -> [String] {
        guard next == "(" else { throw LabelSelectorFault(message: "found '\(next)' expected: '('") }
        at += 1
        var values: [String] = []
        while true {
            if isIdentifier(next) {
                values.append(next)
                at += 1
            } else if next == "," || next == ")" {
                values.append("")
            } else {
                throw LabelSelectorFault(message: "found '\(next)', expected: ',', ')' or identifier")
            }
            if next == ")" {
                at += 1
                return Array(Set(values))
            }
            guard next == "," else { throw LabelSelectorFault(message: "found '\(next)', expected: ',' or ')'") }
            at += 1
        }
    }

    static func fault(of r: LabelSelector.Requirement) -> String? {
        let keyFaults: [String] = NameRules.qualifiedName(r.key)
        if !keyFaults.isEmpty {
            return FieldError.invalid("key", .string(r.key), keyFaults.joined(separator: "; ")).description
        }
        if r.op == .greaterThan || r.op == .lessThan {
            if r.values.count != 1 || Int64(r.values[0]) == nil {
                return FieldError.invalid(
                    "values[0]", .string(r.values.first ?? ""), "for 'Gt', 'Lt' operators, the value must be an integer"
                ).description
            }
        }
        for (i, v) in r.values.enumerated() {
            let faults: [String] = NameRules.labelValue(v)
            if !faults.isEmpty {
                return FieldError.invalid("values[\(i)][\(r.key)]", .string(v), faults.joined(separator: "; "))
                    .description
            }
        }
        return nil
    }
}
