// A packet filter's content as a value, and the one transaction that turns an older value into a newer one.

package import KubeWire

/// A chain and its rules. A rule is the list of expressions that libnftables-json(5) calls `expr`.
package struct Chain: Sendable, Equatable {
    /// For a base chain: `type`, `hook`, `prio`, `policy`; null for one that is jumped to.
    package var hook: JSON
    package var rules: [[JSON]]

    package init(hook: JSON = .null, _ rules: [[JSON]]) {
        self.hook = hook
        self.rules = rules
    }
}

/// A named set or map, without its elements.
package struct NamedSet: Sendable, Equatable {
    /// `ipv4_addr`, or a list of types for a concatenation.
    package var type: JSON
    /// The type of a map's values (`verdict`); null for a set.
    package var map: JSON = .null
    package var flags: [String] = []
    /// Life of an element in seconds; nil: for ever.
    package var timeoutSeconds: Int?
    /// The dynamic elements belong to the packets: they are never listed in `Ruleset.elements`.
    package var isDynamic: Bool { timeoutSeconds != nil }
}

/// One element of a set or map.
package struct Element: Sendable, Equatable {
    package var key: JSON
    /// A map's value; null in a set.
    package var value: JSON = .null

    fileprivate var json: JSON { value.isNull ? key : .array([key, value]) }
}

/// The whole content, or a part of it (one service's), of our table.
package struct Ruleset: Sendable, Equatable {
    package var chains: [String: Chain] = [:]
    package var sets: [String: NamedSet] = [:]
    /// By set, then by the key's text.
    package var elements: [String: [String: Element]] = [:]

    package init() {}

    package mutating func add(_ element: Element, to set: String) {
        elements[set, default: [:]][element.key.description] = element
    }

    package mutating func merge(_ other: Ruleset) {
        chains.merge(other.chains) { first, _ in first }
        sets.merge(other.sets) { first, _ in first }
        for (set, more) in other.elements {
            elements[set, default: [:]].merge(more) { first, _ in first }
        }
    }
}

/// The table that holds a ruleset.
package struct Table: Sendable {
    package var family: String
    package var name: String
    package init(family: String = "ip", name: String) {
        self.family = family
        self.name = name
    }

    /// Throws away whatever the table held and writes `ruleset`: for a start and for repairs.
    package func rewrite(_ ruleset: Ruleset) -> JSON {
        let table: JSON = ["table": ["family": .string(family), "name": .string(name)]]
        let start: [JSON] = [["add": table], ["delete": table], ["add": table]]
        let all: [JSON] = start + commands(from: Ruleset(), to: ruleset)
        return ["nftables": .array(all)]
    }

    /// Nil when nothing differs.
    package func transaction(from old: Ruleset, to new: Ruleset) -> JSON? {
        let list: [JSON] = commands(from: old, to: new)
        return list.isEmpty ? JSON?.none : ["nftables": .array(list)]
    }

    /// What removes the table, whether it is there or not.
    package var removal: JSON {
        let table: JSON = ["table": ["family": .string(family), "name": .string(name)]]
        return ["nftables": [["add": table], ["delete": table]]]
    }

    /// Order matters to the kernel: a thing exists before it is named and is named by nothing when it goes.
    private func commands(from old: Ruleset, to new: Ruleset) -> [JSON] {
        let changed: [String] = new.chains.keys.filter { new.chains[$0] != old.chains[$0] }.sorted()
        let goneChains: [String] = old.chains.keys.filter { new.chains[$0] == nil }.sorted()
        let goneSets: [String] = old.sets.keys.filter { new.sets[$0] != old.sets[$0] }.sorted()
        let newSets: [String] = new.sets.keys.filter { new.sets[$0] != old.sets[$0] }.sorted()
        var list: [JSON] = []
        for name in changed where old.chains[name] == nil { list.append(["add": ["chain": chain(name, new)]]) }
        for name in changed where old.chains[name] != nil { list.append(["flush": ["chain": chain(name)]]) }
        list += elementCommands("delete", in: old, missingFrom: new, except: Set(goneSets))
        for name in goneChains { list.append(["flush": ["chain": chain(name)]]) }
        for name in goneSets { list.append(["delete": ["set": setName(name)]]) }
        for name in newSets {
            let set: NamedSet = new.sets[name]!
            let kind: String = set.map.isNull ? "set" : "map"
            let body: JSON = .object(JSONObject([(kind, self.set(name, set))]))
            list.append(["add": body])
        }
        for name in changed {
            for rule in new.chains[name]!.rules {
                var body: JSON = ["family": .string(family), "table": .string(self.name)]
                body.chain = .string(name)
                body.expr = .array(rule)
                list.append(["add": ["rule": body]])
            }
        }
        list += elementCommands("add", in: new, missingFrom: old, except: [])
        for name in goneChains { list.append(["delete": ["chain": chain(name)]]) }
        return list
    }

    private func elementCommands(
        _ verb: String, in a: Ruleset, missingFrom b: Ruleset, except: Set<String>
    ) -> [JSON] {
        var list: [JSON] = []
        for name in a.elements.keys.sorted() where !except.contains(name) {
            let other: [String: Element] = b.elements[name] ?? [:]
            let differing: [Element] = a.elements[name]!.sorted { $0.key < $1.key }
                .filter { other[$0.key] != $0.value }.map { $0.value }
            guard !differing.isEmpty else { continue }
            var command: JSON = setName(name)
            command.elem = .array(differing.map { $0.json })
            let element: JSON = ["element": command]
            list.append(.object(JSONObject([(verb, element)])))
        }
        return list
    }

    private func chain(_ name: String) -> JSON {
        ["family": .string(family), "table": .string(self.name), "name": .string(name)]
    }

    private func chain(_ name: String, _ ruleset: Ruleset) -> JSON {
        var json: JSON = chain(name)
        for (key, value) in ruleset.chains[name]!.hook.fields { json[key] = value }
        return json
    }

    private func setName(_ name: String) -> JSON { chain(name) }

    private func set(_ name: String, _ set: NamedSet) -> JSON {
        var json: JSON = setName(name)
        json.type = set.type
        json.map = set.map
        if !set.flags.isEmpty { json.flags = JSON(set.flags) }
        if let timeout: Int = set.timeoutSeconds {
            json.timeout = JSON(timeout)
            json.size = 65535
        }
        return json
    }
}
