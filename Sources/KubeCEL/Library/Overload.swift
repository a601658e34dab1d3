// One way to call a function: its types, what it does and what it costs.

/// Arguments have been evaluated; the receiver of a member is the first.
typealias CELCall = @Sendable ([CELValue], inout CELFrame) throws(CELError) -> CELValue

struct CELOverload: Sendable {
    let isMember: Bool
    let parameters: [CELType]
    let result: CELType
    let cost: CELCost
    /// Same arguments, same value: constant arguments are computed when the program is made.
    let isPure: Bool
    let call: CELCall

    /// Whether a value may stand where `type` is declared, judged by its outermost type.
    static func accepts(_ type: CELType, _ value: CELValue) -> Bool {
        switch (type, value) {
        case (.dyn, _), (.variable, _), (.error, _): true
        case (.bool, .bool), (.int, .int), (.uint, .uint), (.double, .double), (.string, .string), (.bytes, .bytes),
            (.timestamp, .timestamp), (.duration, .duration), (.list, .list), (.map, .map), (.map, .lazy),
            (.null, .null),
            (.type, .type), (.optional, .optional), (.object, .map):
            true
        case (.opaque(let name), .opaque(let o)): o.type == .opaque(name)
        default: false
        }
    }

    func accepts(_ arguments: [CELValue]) -> Bool {
        guard arguments.count == parameters.count else { return false }
        for i in arguments.indices where !CELOverload.accepts(parameters[i], arguments[i]) { return false }
        return true
    }
}

/// How the cost of a call follows from sizes: the rules of cel-go and of the API server's libraries, for the estimate and at
/// run time. Factors are per code point.
enum CELCost: Sendable {
    case constant(UInt64)
    /// The first argument's size times a factor.
    case traverse(Double)
    /// The result's size times a factor.
    case result(Double)
    /// Text and pattern.
    case regex
    /// Text and text to find.
    case contains
    /// Each element, and the texts in them.
    case elements
    /// The smaller of two.
    case comparison
    /// Both.
    case addition
    /// The second argument's size (`in` a list).
    case membership
    /// Product of two lists' sizes, `factor` times.
    case product(Double)
    /// An address or prefix compared; `parses`: given as text.
    case network(isPrefix: Bool, parses: Bool)
}

/// The functions by name.
struct CELLibrary: Sendable {
    private(set) var functions: [String: [CELOverload]] = [:]

    mutating func add(
        _ name: String, _ signature: String, cost: CELCost = .constant(1), isPure: Bool = true,
        _ call: @escaping CELCall
    ) {
        var reader: SignatureReader = SignatureReader(signature)
        let (isMember, parameters, result) = reader.signature()
        functions[name, default: []].append(
            CELOverload(
                isMember: isMember, parameters: parameters, result: result, cost: cost, isPure: isPure, call: call))
    }

    static let standard: CELLibrary = {
        var l: CELLibrary = CELLibrary()
        CELOperators.add(to: &l)
        CELConversions.add(to: &l)
        CELStrings.add(to: &l)
        CELFormatting.add(to: &l)
        CELTimes.add(to: &l)
        CELLists.add(to: &l)
        CELMaths.add(to: &l)
        CELSets.add(to: &l)
        CELOptionals.add(to: &l)
        CELRegexes.add(to: &l)
        CELQuantity.add(to: &l)
        CELNetworks.add(to: &l)
        CELURL.add(to: &l)
        CELVersion.add(to: &l)
        CELFormats.add(to: &l)
        CELAuthorizers.add(to: &l)
        CELPatches.add(to: &l)
        return l
    }()
}
