// A compiled expression: made once, evaluated for each object.

package struct CELProgram: Sendable {
    package let text: String
    /// What the expression gives.
    package let resultType: CELType
    /// The largest cost that the sizes of the declarations allow; cel-go's estimate.
    package let estimatedCost: UInt64
    /// Variables that the expression names.
    package let references: Set<String>
    private let root: CELNode
    /// Variables of the environment that are used, with their slots.
    private let inputs: [(name: String, slot: Int)]
    private let slotCount: Int

    /// A rule that compares with the state before the write.
    package var referencesOldSelf: Bool { references.contains("oldSelf") }

    /// Parses and checks. `returns`: the types that the value may have; none: any. Throws upstream's kind of message:
    /// `ERROR: <input>:1:6: undefined field 'x'` with the line and a caret, or `must evaluate to bool`.
    package init(_ text: String, _ environment: CELEnvironment, returns: [CELType] = []) throws(CELError) {
        let tree: Expression
        do throws(CELFaults) {
            tree = try Parser.parse(text)
            try Checker.check(tree, environment)
        } catch {
            throw CELError(.compile, "compilation failed: " + CELFault.shown(error.faults, in: text))
        }
        if !returns.isEmpty, !tree.type.isDynamic, !returns.contains(where: { $0.matches(tree.type) }) {
            let names: [String] = returns.map { $0 == .null ? "null_type" : "\($0)" }
            let list: String = names.count == 1 ? names[0] : "one of [" + names.joined(separator: " ") + "]"
            throw CELError(.compile, "must evaluate to " + list)
        }
        self.text = text
        resultType = tree.type
        estimatedCost = CostEstimator.cost(of: tree, environment)
        var builder: ProgramBuilder = ProgramBuilder(environment)
        root = builder.node(tree)
        inputs = builder.inputs
        references = Set(builder.inputs.map { $0.name })
        slotCount = builder.slotCount
    }

    package init(_ text: String, _ environment: CELEnvironment, returns: CELType?) throws(CELError) {
        try self.init(text, environment, returns: returns.map { [$0] } ?? [])
    }

    /// The value for these variables; the cost is taken from `limit`. `costExceeded` when a limit is passed.
    package func evaluate(_ variables: [String: CELValue], limit: inout CELBudget) throws(CELError) -> CELValue {
        let most: UInt64 = min(limit.perCall, limit.remaining)
        var slots: [CELValue] = Array(repeating: .null, count: slotCount)
        for (name, slot) in inputs {
            guard let value = variables[name] else { throw .runtime("no such attribute(s): \(name)") }
            slots[slot] = value
        }
        var frame: CELFrame = CELFrame(slots: slots, limit: most)
        do throws(CELError) {
            let value: CELValue = try root.value(&frame)
            limit.remaining -= min(frame.cost, limit.remaining)
            return value
        } catch {
            limit.remaining -= min(frame.cost, limit.remaining)
            throw error
        }
    }
}

extension CELType {
    /// Whether a value of this type is one of the wanted type, unknown parts aside.
    package func matches(_ other: CELType) -> Bool {
        var s: Substitution = Substitution()
        return self == other || (self != .null && other != .null && s.assign(self, other))
    }
}
