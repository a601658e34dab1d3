// CronJobs: a schedule and a template of jobs.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct CronJobStrategy: TemplatedStrategy {
    static let templatePath: [String] = ["spec", "jobTemplate", "spec", "template"]
    var keepsGeneration: Bool { true }
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = [:] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let spec: JSON = o.spec
        if spec.schedule.text.isEmpty {
            out.required("spec.schedule")
        } else if let why = CronSchedule.complaint(spec.schedule.text) {
            out.invalid("spec.schedule", spec.schedule, why)
        }
        out.notNegative("spec.startingDeadlineSeconds", spec.startingDeadlineSeconds)
        out.oneOf("spec.concurrencyPolicy", spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"])
        out.notNegative("spec.successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit)
        out.notNegative("spec.failedJobsHistoryLimit", spec.failedJobsHistoryLimit)
        if let zone = spec.timeZone.asString, zone.isEmpty || zone.lowercased() == "local" {
            out.invalid("spec.timeZone", spec.timeZone, zone.isEmpty ? "timeZone must be nil or non-empty string" : "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")
        }
        let template: JSON = spec.jobTemplate.spec
        if template.manualSelector.isTrue {
            out.notSupported("spec.jobTemplate.spec.manualSelector", template.manualSelector, ["nil", "false"])
        }
        JobRules.spec(template, at: "spec.jobTemplate.spec", &out)
        if o.meta.name.utf8.count > 52 { out.invalid("metadata.name", o.metadata.name, "must be no more than 52 characters") }
        return out.list
    }
}

/// The syntax of a standard cron line (github.com/robfig/cron, ParseStandard).
enum CronSchedule {
    private static let months: [String] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    private static let days: [String] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]

    static func complaint(_ text: String) -> String? {
        if text.contains("TZ") { return "cannot use TZ or CRON_TZ in schedule, use timeZone field instead" }
        if text.hasPrefix("@every ") {
            return GoDuration.parse(String(text.dropFirst(7))) == nil ? "failed to parse duration \(text)" : nil
        }
        if text.hasPrefix("@") {
            let known: [String] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"]
            return known.contains(text) ? nil : "unrecognized descriptor: \(text)"
        }
        let parts: [Substring] = text.split(whereSeparator: { $0 == " " || $0 == "\t" })
        if parts.count != 5 { return "expected exactly 5 fields, found \(parts.count): [\(text)]" }
        let bounds: [(ClosedRange<Int>, [String], Int)] = [
            (0...59, [], 0), (0...23, [], 0), (1...31, [], 0), (1...12, months, 1), (0...6, days, 0),
        ]
        for (part, bound) in zip(parts, bounds) {
            for piece in part.split(separator: ",", omittingEmptySubsequences: false) {
                if let why = field(String(piece), bound.0, names: bound.1, firstName: bound.2) { return why }
            }
        }
        return nil
    }

    private static func field(_ text: String, _ range: ClosedRange<Int>, names: [String], firstName: Int) -> String? {
        let halves: [Substring] = text.split(separator: "/", omittingEmptySubsequences: false)
        if halves.count > 2 { return "too many slashes: \(text)" }
        if halves.count == 2, Int(halves[1]).map({ $0 <= 0 }) ?? true {
            return "failed to parse int from \(halves[1]): strconv.Atoi: parsing \"\(halves[1])\": invalid syntax"
        }
        if halves[0] == "*" || halves[0] == "?" { return nil }
        let ends: [Substring] = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        if ends.count > 2 { return "too many hyphens: \(text)" }
        var numbers: [Int] = []
        for end in ends {
            if let i = names.firstIndex(of: end.lowercased()) {
                numbers.append(i + firstName)
            } else if let n = Int(end), n >= 0 {
                numbers.append(n)
            } else {
                return "failed to parse int from \(end): strconv.Atoi: parsing \"\(end)\": invalid syntax"
            }
        }
        if numbers[0] < range.lowerBound {
            return "beginning of range (\(numbers[0])) below minimum (\(range.lowerBound)): \(text)"
        }
        if numbers[numbers.count - 1] > range.upperBound {
            return "end of range (\(numbers[numbers.count - 1])) above maximum (\(range.upperBound)): \(text)"
        }
        if numbers.count == 2, numbers[0] > numbers[1] {
            return "beginning of range (\(numbers[0])) beyond end of range (\(numbers[1])): \(text)"
        }
        return nil
    }
}

enum CronJobs {
    static let entry: Entry = Entry(API.cronJobs, CronJobStrategy())
}
