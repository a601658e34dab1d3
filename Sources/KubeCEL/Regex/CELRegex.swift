// A regular expression whose search takes time linear in the text: Thompson's machine, all threads in step (Pike's way).

/// RE2's language and its leftmost-first choice. Hostile patterns are refused by size, hostile texts cost no more than others.
package struct CELRegex: Sendable {
    private let steps: [Step]
    private let workMax: Int
    /// Steps of a program at most.
    private static let stepsMax: Int = 20_000
    private static let rangesMax: Int = 200_000
    /// Threads followed in one search at most: about a second's work.
    package static let workMax: Int = 20_000_000

    private struct Step: Sendable {
        enum Kind: Sendable { case scalars, split, jump, assertion, match }
        var kind: Kind
        var set: [ClosedRange<UInt32>] = []
        var isNegated: Bool = false
        var first: Int = 0
        var second: Int = 0
        var assertion: Assertion = .textStart
    }
    private enum Assertion: Sendable { case lineStart, lineEnd, textStart, textEnd, wordEdge, noWordEdge }

    package init(_ pattern: String, workMax: Int = CELRegex.workMax) throws(CELError) {
        self.workMax = workMax
        var steps: [Step] = []
        try CELRegex.emit(try RegexParser.parse(pattern), &steps)
        steps.append(Step(kind: .match))
        // Ranges take memory and time too: \pL has hundreds.
        guard steps.reduce(0, { $0 + $1.set.count }) <= CELRegex.rangesMax else {
            throw .runtime("error parsing regexp: expression too large")
        }
        self.steps = steps
    }

    private static func emit(_ tree: RegexTree, _ out: inout [Step]) throws(CELError) {
        guard out.count < stepsMax else { throw .runtime("error parsing regexp: expression too large") }
        switch tree {
        case .empty: break
        case .scalars(let c): out.append(Step(kind: .scalars, set: c.ranges, isNegated: c.isNegated))
        case .assertion(let a):
            let assertion: Assertion =
                switch a {
                case .lineStart: .lineStart
                case .lineEnd: .lineEnd
                case .textEnd: .textEnd
                case .wordEdge: .wordEdge
                case .noWordEdge: .noWordEdge
                default: .textStart
                }
            out.append(Step(kind: .assertion, assertion: assertion))
        case .sequence(let parts): for p in parts { try emit(p, &out) }
        case .group(let inner): try emit(inner, &out)
        case .choice(let parts):
            var ends: [Int] = []
            for (i, p) in parts.enumerated() {
                guard i < parts.count - 1 else {
                    try emit(p, &out)
                    break
                }
                let split: Int = out.count
                out.append(Step(kind: .split, first: split + 1))
                try emit(p, &out)
                ends.append(out.count)
                out.append(Step(kind: .jump))
                out[split].second = out.count
            }
            for e in ends { out[e].first = out.count }
        case .repeated(let inner, let low, let high, let isGreedy):
            for _ in 0..<low { try emit(inner, &out) }
            if let high {
                var splits: [Int] = []
                for _ in low..<max(high, low) {
                    splits.append(out.count)
                    out.append(Step(kind: .split))
                    try emit(inner, &out)
                }
                for s in splits { set(&out[s], s + 1, out.count, isGreedy) }
            } else {
                let s: Int = out.count
                out.append(Step(kind: .split))
                try emit(inner, &out)
                out.append(Step(kind: .jump, first: s))
                set(&out[s], s + 1, out.count, isGreedy)
            }
        }
    }

    private static func set(_ step: inout Step, _ inside: Int, _ after: Int, _ isGreedy: Bool) {
        step.first = isGreedy ? inside : after
        step.second = isGreedy ? after : inside
    }

    /// Throws `exhausted` when pattern and text together are too much work.
    package func isMatch(_ text: String) throws(CELError) -> Bool {
        var work: Int = workMax
        return try isMatch(text, &work)
    }

    /// `work`: how many threads may still be followed.
    func isMatch(_ text: String, _ work: inout Int) throws(CELError) -> Bool {
        try firstMatch(Array(text.unicodeScalars), from: 0, &work, anyEnd: true) != nil
    }

    /// What compiling it cost beyond the usual: counted repetitions make long programs of short patterns.
    var compileCost: UInt64 { UInt64(max(0, steps.count - 100) / 10) }

    /// Threads of one position: each step at most once, in the order of preference.
    private struct Threads {
        var steps: [Int] = []
        var starts: [Int] = []
        var mark: [Int]
        init(_ count: Int) { mark = Array(repeating: -1, count: count) }
    }

    /// The leftmost match that begins at or after `from`. `anyEnd`: stop as soon as there is one. Each thread of each
    /// position counts as work.
    private func firstMatch(
        _ text: [Unicode.Scalar], from: Int, _ work: inout Int, anyEnd: Bool = false
    ) throws(CELError) -> Range<Int>? {
        var now: Threads = Threads(steps.count)
        var next: Threads = Threads(steps.count)
        var stack: [Int] = []
        var found: Range<Int>?
        var i: Int = from
        while i <= text.count {
            if found == nil { follow(0, start: i, at: i, text, &now, &stack) }
            if now.steps.isEmpty, found != nil { break }
            work -= now.steps.count
            if work < 0 { throw .regexExceeded }
            next.steps.removeAll(keepingCapacity: true)
            next.starts.removeAll(keepingCapacity: true)
            var k: Int = 0
            while k < now.steps.count {
                let step: Int = now.steps[k]
                if steps[step].kind == .match {
                    found = now.starts[k]..<i
                    if anyEnd { return found }
                    break
                }
                if i < text.count, takes(step, text[i].value) {
                    follow(step + 1, start: now.starts[k], at: i + 1, text, &next, &stack)
                }
                k += 1
            }
            swap(&now, &next)
            i += 1
        }
        return found
    }

    private func takes(_ step: Int, _ c: UInt32) -> Bool {
        for r in steps[step].set where r.contains(c) { return !steps[step].isNegated }
        return steps[step].isNegated
    }

    private func follow(
        _ first: Int, start: Int, at: Int, _ text: [Unicode.Scalar], _ threads: inout Threads, _ stack: inout [Int]
    ) {
        stack.append(first)
        while let s = stack.popLast() {
            if threads.mark[s] == at { continue }
            threads.mark[s] = at
            switch steps[s].kind {
            case .jump: stack.append(steps[s].first)
            case .split:
                stack.append(steps[s].second)
                stack.append(steps[s].first)
            case .assertion: if holds(steps[s].assertion, at, text) { stack.append(s + 1) }
            case .scalars, .match:
                threads.steps.append(s)
                threads.starts.append(start)
            }
        }
    }

    private func holds(_ a: Assertion, _ at: Int, _ text: [Unicode.Scalar]) -> Bool {
        switch a {
        case .textStart: return at == 0
        case .textEnd: return at == text.count
        case .lineStart: return at == 0 || text[at - 1] == "\n"
        case .lineEnd: return at == text.count || text[at] == "\n"
        case .wordEdge, .noWordEdge:
            let before: Bool = at > 0 && CELRegex.isWord(text[at - 1].value)
            let after: Bool = at < text.count && CELRegex.isWord(text[at].value)
            return (before != after) == (a == .wordEdge)
        }
    }

    private static func isWord(_ c: UInt32) -> Bool {
        (48...57).contains(c) || (65...90).contains(c) || c == 95 || (97...122).contains(c)
    }

    /// Matches from left to right that do not overlap; `limit` < 0: all.
    func matches(_ text: String, limit: Int, _ work: inout Int) throws(CELError) -> [String] {
        let all: [Unicode.Scalar] = Array(text.unicodeScalars)
        var out: [String] = []
        var at: Int = 0
        var lastEnd: Int = -1
        while at <= all.count, limit < 0 || out.count < limit, let m = try firstMatch(all, from: at, &work) {
            // An empty match right after another is none, as in Go.
            if !(m.isEmpty && m.lowerBound == lastEnd) { out.append(CELStrings.string(all[m])) }
            lastEnd = m.upperBound
            at = m.isEmpty ? m.upperBound + 1 : m.upperBound
        }
        return out
    }
}
