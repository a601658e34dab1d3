// One YAML document through libyaml's events to a JSON tree, with go-yaml's limits and messages.

import CYAML

/// What all documents of a stream may cost together.
struct YAMLBudget {
    /// Of go-yaml's strict mode: `line 3: key "x" already set in map`.
    var duplicates: [String] = []
    let limits: YAMLLimits
    var nodes: Int = 0
    /// Nodes that came from aliases.
    var aliased: Int = 0

    init(limits: YAMLLimits) { self.limits = limits }

    /// go-yaml's rule: the larger the document, the smaller the share that aliases may make up.
    mutating func spend(_ count: Int, isAlias: Bool) throws(YAMLError) {
        nodes += count
        if isAlias { aliased += count }
        let share: Double =
            nodes <= 400_000 ? 0.99 : nodes >= 4_000_000 ? 0.10 : 0.99 - 0.89 * Double(nodes - 400_000) / 3_600_000
        if nodes > limits.nodesMax || (aliased > 100 && nodes > 1000 && Double(aliased) > share * Double(nodes)) {
            throw YAMLDocument.fault("document contains excessive aliasing")
        }
    }
}

struct YAMLDocument {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private var budget: YAMLBudget
    private var anchors: [String: (value: JSON, size: Int)] = [:]
    private var open: Set<String> = []
    private var depth: Int = 0
    /// Of the event read last, from 1.
    private var line: Int = 0

    static func fault(_ words: String) -> YAMLError {
        YAMLError(message: "error converting YAML to JSON: yaml: " + words)
    }

    static func parse(_ bytes: [UInt8], budget: inout YAMLBudget) throws(YAMLError) -> JSON {
        let result: Result<(JSON, YAMLBudget), YAMLError> = bytes.withUnsafeBufferPointer { buffer in
            let parser: UnsafeMutablePointer<yaml_parser_t> = .allocate(capacity: 1)
            defer { parser.deallocate() }
            guard yaml_parser_initialize(parser) == 1 else { return .failure(fault("out of memory")) }
            defer { yaml_parser_delete(parser) }
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)
            var document: YAMLDocument = YAMLDocument(parser: parser, budget: budget)
            do throws(YAMLError) {
                let value: JSON = try document.root()
                return .success((value, document.budget))
            } catch {
                return .failure(error)
            }
        }
        let (value, spent): (JSON, YAMLBudget) = try result.get()
        budget = spent
        return value
    }

    private init(parser: UnsafeMutablePointer<yaml_parser_t>, budget: YAMLBudget) {
        self.parser = parser
        self.budget = budget
    }

    // MARK: events

    private enum Event {
        case streamStart, streamEnd, documentStart, documentEnd, nothing, sequenceEnd, mappingEnd
        case alias(String)
        case scalar(text: String, tag: String, isPlain: Bool, anchor: String)
        case sequenceStart(anchor: String)
        case mappingStart(anchor: String)
    }

    private func text(_ p: UnsafeMutablePointer<yaml_char_t>?) -> String { p.map { String(cString: $0) } ?? "" }

    private mutating func next() throws(YAMLError) -> Event {
        var event: yaml_event_t = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        line = Int(event.start_mark.line) + 1
        switch event.type {
        case YAML_STREAM_START_EVENT: return .streamStart
        case YAML_STREAM_END_EVENT: return .streamEnd
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        case YAML_ALIAS_EVENT: return .alias(text(event.data.alias.anchor))
        case YAML_SEQUENCE_START_EVENT: return .sequenceStart(anchor: text(event.data.sequence_start.anchor))
        case YAML_MAPPING_START_EVENT: return .mappingStart(anchor: text(event.data.mapping_start.anchor))
        case YAML_SCALAR_EVENT:
            let s = event.data.scalar
            let value: String = String(decoding: UnsafeBufferPointer(start: s.value, count: s.length), as: UTF8.self)
            return .scalar(
                text: value, tag: text(s.tag), isPlain: s.style == YAML_PLAIN_SCALAR_STYLE, anchor: text(s.anchor))
        default: return .nothing
        }
    }

    private func failure() -> YAMLError {
        var line: Int = 0
        if parser.pointee.problem_mark.line != 0 {
            line = parser.pointee.problem_mark.line
            if parser.pointee.error == YAML_SCANNER_ERROR { line += 1 }
        } else if parser.pointee.context_mark.line != 0 {
            line = parser.pointee.context_mark.line
        }
        let problem: String =
            parser.pointee.problem.map { String(cString: $0) } ?? "unknown problem parsing YAML content"
        return YAMLDocument.fault((line == 0 ? "" : "line \(line): ") + problem)
    }

    // MARK: nodes

    private mutating func root() throws(YAMLError) -> JSON {
        while true {
            switch try next() {
            case .streamStart, .nothing: continue
            case .documentStart:
                let value: JSON = try node(try next()).value
                // Go on to the end, so that faults after the document are seen.
                while true {
                    if case .streamEnd = try next() { return value }
                }
            default: return .null
            }
        }
    }

    private mutating func node(_ event: Event) throws(YAMLError) -> (value: JSON, size: Int) {
        switch event {
        case .alias(let name):
            if open.contains(name) { throw YAMLDocument.fault("anchor '\(name)' value contains itself") }
            guard let known = anchors[name] else { throw YAMLDocument.fault("unknown anchor '\(name)' referenced") }
            try budget.spend(known.size, isAlias: true)
            return known
        case .scalar(let text, let tag, let isPlain, let anchor):
            try budget.spend(1, isAlias: false)
            let value: JSON = try YAMLScalar.resolve(text, tag: tag, isPlain: isPlain)
            if !anchor.isEmpty { anchors[anchor] = (value, 1) }
            return (value, 1)
        case .sequenceStart(let anchor): return try collection(anchor, isMapping: false)
        case .mappingStart(let anchor): return try collection(anchor, isMapping: true)
        default: throw YAMLDocument.fault("unknown problem parsing YAML content")
        }
    }

    private mutating func collection(_ anchor: String, isMapping: Bool) throws(YAMLError) -> (value: JSON, size: Int) {
        depth += 1
        if depth > budget.limits.depthMax {
            throw YAMLDocument.fault("exceeded max depth of \(budget.limits.depthMax)")
        }
        try budget.spend(1, isAlias: false)
        if !anchor.isEmpty { open.insert(anchor) }
        let out: (value: JSON, size: Int) = isMapping ? try mapping() : try sequence()
        depth -= 1
        if !anchor.isEmpty {
            open.remove(anchor)
            anchors[anchor] = out
        }
        return out
    }

    private mutating func sequence() throws(YAMLError) -> (value: JSON, size: Int) {
        var elements: [JSON] = []
        var size: Int = 1
        while true {
            let event: Event = try next()
            if case .sequenceEnd = event { return (.array(elements), size) }
            let (value, cost): (JSON, Int) = try node(event)
            elements.append(value)
            size += cost
        }
    }

    private mutating func mapping() throws(YAMLError) -> (value: JSON, size: Int) {
        var pairs: [(key: String, value: JSON)] = []
        var places: [String: Int] = [:]
        var merged: [JSON] = []
        var size: Int = 1
        while true {
            let event: Event = try next()
            if case .mappingEnd = event { break }
            var isMerge: Bool = false
            if case .scalar(let text, let tag, let isPlain, _) = event {
                isMerge = text == "<<" && isPlain && (tag.isEmpty || tag == "tag:yaml.org,2002:merge")
            }
            let (key, keyCost): (JSON, Int) = try node(event)
            let valueEvent: Event = try next()
            let valueLine: Int = line
            let (value, cost): (JSON, Int) = try node(valueEvent)
            size += keyCost + cost
            if isMerge {
                merged += value.asArray ?? [value]
                continue
            }
            let name: String = try self.name(key)
            if let i = places[name] {
                pairs[i].value = value
                budget.duplicates.append("line \(valueLine): key \(JSON.string(name)) already set in map")
            } else {
                places[name] = pairs.count
                pairs.append((name, value))
            }
        }
        for m in merged {
            guard case .object(let o) = m else {
                throw YAMLDocument.fault("map merge requires map or sequence of maps as the value")
            }
            for (key, value) in o where places[key] == nil {
                places[key] = pairs.count
                pairs.append((key, value))
            }
        }
        return (.object(JSONObject(unique: pairs)), size)
    }

    private func name(_ key: JSON) throws(YAMLError) -> String {
        switch key {
        case .string(let s): return s
        case .int, .double: return key.description
        case .bool(let b): return b ? "true" : "false"
        default:
            throw YAMLError(
                message: "error converting YAML to JSON: unsupported map key of type: \(key.typeName)")
        }
    }
}
