// make fuzz: seeded mutations of real inputs against every parser; a failing input stays behind with its seed.
//   fuzz [--seconds N] [--seed N] [--only NAME,…] [--corpus DIR] [--out DIR]
//   fuzz --replay FILE

import Glibc

@main
enum Fuzz {
    static func main() async throws {
        let options: Options = try Options(Array(CommandLine.arguments.dropFirst()))
        try await RawHTTP.shared.start()
        if let file = options.replay { return try replay(file) }
        mkdir(options.out, 0o755)
        let subjects: [Subject] = Subjects.all.filter { options.only.isEmpty || options.only.contains($0.name) }
        let dog: Watchdog = Watchdog(path: options.out + "/trying")
        dog.watch()
        let rounds: Int = max(1, options.seconds / max(1, subjects.count) / 5)
        var counts: [String: Int] = [:]
        var failures: Int = 0
        let each: Double = Double(options.seconds) / Double(rounds * subjects.count)
        for round in 0..<rounds {
            for subject in subjects {
                let corpus: [[UInt8]] = subject.seeds + Corpus.files(options.corpus, subject.endings)
                guard !corpus.isEmpty else { continue }
                failures += run(
                    subject, corpus, seed: options.seed &+ UInt64(round) &* 1_000_003, seconds: each, dog, options.out, &counts)
            }
        }
        for subject in subjects { print("fuzz: \(subject.name): \(counts[subject.name, default: 0]) inputs") }
        print("fuzz: seed \(options.seed), \(counts.values.reduce(0, +)) inputs, \(failures) failures, \(Watchdog.resident() >> 20) MiB")
        dog.rest()
        unlink(options.out + "/trying")
        exit(failures == 0 ? 0 : 1)
    }

    private static func run(
        _ subject: Subject, _ corpus: [[UInt8]], seed: UInt64, seconds: Double, _ dog: Watchdog, _ out: String,
        _ counts: inout [String: Int]
    ) -> Int {
        let clock: ContinuousClock = ContinuousClock()
        let end: ContinuousClock.Instant = clock.now + .seconds(seconds)
        var pool: [[UInt8]] = corpus
        var failures: Int = 0
        var i: UInt64 = 0
        while clock.now < end {
            // Each input has a seed of its own, so that one can be made again.
            let mine: UInt64 = seed &* 0x1_0000_0001 &+ i
            i += 1
            var mutator: Mutator = Mutator(random: Seeded(state: mine))
            let parent: [UInt8] = pool[mutator.random.below(pool.count)]
            let other: [UInt8] = pool[mutator.random.below(pool.count)]
            // Half of what looks like JSON is changed as a tree: changed bytes seldom parse.
            let isTree: Bool = parent.first == UInt8(ascii: "{") || parent.first == UInt8(ascii: "[")
            let tree: [UInt8]? = isTree && mutator.random.below(2) == 0 ? mutator.changedTree(parent, other: other) : nil
            let input: [UInt8] = tree ?? mutator.changed(parent, other: other)
            dog.trying(input, subject.name, seed: mine)
            do {
                try subject.run(input)
            } catch {
                failures += 1
                let path: String = "\(out)/\(subject.name)-\(mine)"
                Corpus.write(path, Array("\(subject.name)\n\(mine)\n".utf8) + input)
                print("fuzz: \(subject.name): \(error); input in \(path)")
                if failures > 5 { break }
            }
            // Changes of changes go deeper; the pool stays small.
            if mutator.random.below(20) == 0, pool.count < corpus.count + 500, input.count < 4096 { pool.append(input) }
        }
        counts[subject.name, default: 0] += Int(i)
        return failures
    }

    private static func replay(_ file: String) throws {
        guard let bytes = Corpus.read(file) else { throw Broken(description: "cannot read \(file)") }
        let parts: [ArraySlice<UInt8>] = bytes.split(separator: 10, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let subject = Subjects.all.first(where: { $0.name == String(decoding: parts[0], as: UTF8.self) })
        else { throw Broken(description: "\(file) is no input of this program") }
        try subject.run(Array(parts[2]))
        print("fuzz: \(subject.name): nothing wrong")
    }
}

struct Options {
    var seconds: Int = 600
    var seed: UInt64 = 1
    var only: Set<String> = []
    var corpus: String = ""
    var out: String = "/tmp/apus-fuzz"
    var replay: String?

    init(_ arguments: [String]) throws {
        var i: Int = 0
        while i + 1 < arguments.count {
            let value: String = arguments[i + 1]
            switch arguments[i] {
            case "--seconds": seconds = Int(value) ?? seconds
            case "--seed": seed = UInt64(value) ?? seed
            case "--only": only = Set(value.split(separator: ",").map { String($0) })
            case "--corpus": corpus = value
            case "--out": out = value
            case "--replay": replay = value
            default: throw Broken(description: "unknown flag \(arguments[i])")
            }
            i += 2
        }
    }
}

enum Corpus {
    static let filesMax: Int = 300

    static func files(_ folder: String, _ endings: [String]) -> [[UInt8]] {
        guard !folder.isEmpty, !endings.isEmpty, let d = opendir(folder) else { return [] }
        defer { closedir(d) }
        var names: [String] = []
        while let entry = readdir(d) {
            let name: String = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if endings.contains(where: { name.hasSuffix($0) }) { names.append(name) }
        }
        // In order: a seed gives the same inputs again.
        return names.sorted().prefix(filesMax).compactMap { read(folder + "/" + $0) }
    }

    static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var all: [UInt8] = []
        var part: [UInt8] = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let n: Int = fread(&part, 1, part.count, file)
            if n == 0 { return all }
            all += part[..<n]
        }
    }

    static func write(_ path: String, _ bytes: [UInt8]) {
        guard let file = fopen(path, "w") else { return }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }
}
