// `wait --for=condition=…|jsonpath=…|create|delete`.

import KubeModel
import KubeWire

enum Wait {
    static let command: Command = {
        var c: Command = Command("wait", "Wait for a specific condition on one or many resources")
        c.usage = "([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) [--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]"
        c.flags =
            CommonFlags.files + [
                CommonFlags.selector, CommonFlags.fieldSelector, CommonFlags.all, CommonFlags.allNamespaces, CommonFlags.output,
                Flag("for", .list(commas: false), "The condition to wait on."),
                Flag("timeout", .string, preset: "30s", "The length of time to wait before giving up; negative means a week."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private enum Goal: Sendable {
        case delete
        case create
        case condition(String, String)
        case path(JSONPath, String?)

        init(_ text: String) throws(UsageError) {
            if text.lowercased() == "delete" {
                self = .delete
            } else if text.lowercased() == "create" {
                self = .create
            } else if text.hasPrefix("condition=") {
                let parts: [Substring] = text.dropFirst(10).split(separator: "=", maxSplits: 1)
                guard let type = parts.first else { throw UsageError("condition= needs a type") }
                self = .condition(String(type), parts.count > 1 ? String(parts[1]) : "true")
            } else if text.hasPrefix("jsonpath=") {
                let body: Substring = text.dropFirst(9)
                guard let close = body.lastIndex(of: "}") else {
                    throw UsageError("jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or --for=jsonpath='{.status.readyReplicas}'")
                }
                let rest: Substring = body[body.index(after: close)...]
                var value: String? = rest.hasPrefix("=") ? String(rest.dropFirst()) : nil
                if let quoted = value, quoted.hasPrefix("\""), quoted.hasSuffix("\""), quoted.count > 1 { value = String(quoted.dropFirst().dropLast()) }
                self = .path(try JSONPath.parse(String(body[...close])), value)
            } else {
                throw UsageError("unrecognized condition: \"\(text)\"")
            }
        }

        func isMet(_ object: JSON?) -> Bool {
            switch self {
            case .delete: return object == nil
            case .create: return object != nil
            case .condition(let type, let value):
                guard let object else { return false }
                if let seen = object.status.observedGeneration.asInt, seen < object.meta.generation { return false }
                let found: JSON? = object.status.conditions.elements.first { $0.type.text.lowercased() == type.lowercased() }
                if let seen = found?.observedGeneration.asInt, seen < object.meta.generation { return false }
                return found?.status.text.lowercased() == value.lowercased()
            case .path(let path, let value):
                guard let object, let found = path.values(in: object).first else { return false }
                return value == nil || JSONPath.shown(found) == value
            }
        }

        var past: String {
            switch self {
            case .delete: "deleted"
            default: "condition met"
            }
        }
    }

    private static func run(_ i: Invocation) async throws {
        let goals: [Goal] = try (i.flags.has("for") ? i.flags.list("for") : [""]).map { try Goal($0) }
        var limit: Duration = try i.flags.duration("timeout") ?? .seconds(30)
        if limit < .zero { limit = .seconds(7 * 86400) }
        let reader: TargetReader = TargetReader(i)
        let targets: [Target] = try await reader.named(reader.read(missing: "You must provide one or more resources by argument or filename."))
        if targets.isEmpty { throw UsageError("no matching resources found") }
        let deadline: ContinuousClock.Instant = ContinuousClock.now + limit
        var timeouts: [String] = []
        for target in targets {
            do { try await wait(i, target, goals, until: deadline) } catch let error as UsageError { timeouts.append("\(error)") }
        }
        if !timeouts.isEmpty {
            throw UsageError(timeouts.joined(separator: "\n"), prefix: timeouts.count == 1 ? "error: " : "")
        }
    }

    private static func wait(
        _ i: Invocation, _ target: Target, _ goals: [Goal], until deadline: ContinuousClock.Instant
    ) async throws {
        for goal in goals {
            switch goal {
            case .create: break
            case .delete:
                // What is not there needs no waiting for, and kubectl says nothing then.
                do { _ = try await target.fetch(i) } catch let error as StatusError where error.isNotFound { return }
            default: _ = try await target.fetch(i)
            }
            try await ObjectWatch(i, target).wait(
                timeout: max(deadline - .now, .milliseconds(1)),
                whatFor: "timed out waiting for the condition on \(target.served.resource.resource)/\(target.name)"
            ) { goal.isMet($0) }
        }
        try await Outcome(i).report(target.served, ["metadata": ["name": .string(target.name)]], verb: goals[goals.count - 1].past)
    }
}
