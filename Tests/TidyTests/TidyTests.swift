// The rules of the house that a machine keeps; each failure says what to do instead.

import Foundation
import Testing

/// What each target may import of ours: the table of ARCHITECTURE.md.
private let mayImport: [String: Set<String>] = [
    "KubeBase": [],
    "KubeBuild": [],
    "KubeWire": ["KubeBase"],
    "KubeCrypto": ["KubeBase", "KubeWire"],
    "KubeNet": ["KubeBase", "KubeWire", "KubeCrypto"],
    "KubeOS": ["KubeBase", "KubeWire"],
    "KubeModel": ["KubeBase", "KubeWire"],
    "KubeCEL": ["KubeBase", "KubeWire", "KubeModel"],
    "KubeAPI": ["KubeBase", "KubeWire", "KubeModel"],
    "KubeStore": ["KubeBase", "KubeWire"],
    "KubeClient": ["KubeBase", "KubeWire", "KubeNet", "KubeModel", "KubeAPI"],
    "KubeServer": ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeCEL", "KubeAPI", "KubeStore"],
    "KubeResources": ["KubeBase", "KubeWire", "KubeCrypto", "KubeModel", "KubeCEL", "KubeAPI", "KubeServer", "KubeNet"],
    "KubeControllers": ["KubeBase", "KubeWire", "KubeCrypto", "KubeModel", "KubeAPI", "KubeClient"],
    "KubeScheduler": ["KubeBase", "KubeWire", "KubeModel", "KubeAPI", "KubeClient"],
    "KubeNode": ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeOS", "KubeModel", "KubeAPI", "KubeClient"],
    "KubeProxy": ["KubeBase", "KubeWire", "KubeNet", "KubeOS", "KubeModel", "KubeAPI", "KubeClient"],
    "KubeDNS": ["KubeBase", "KubeWire", "KubeNet", "KubeModel", "KubeAPI", "KubeClient"],
    "KubeIngress": ["KubeBase", "KubeWire", "KubeCrypto", "KubeNet", "KubeModel", "KubeAPI", "KubeClient"],
    "KubeCtl": ["KubeBase", "KubeWire", "KubeNet", "KubeOS", "KubeModel", "KubeAPI", "KubeClient"],
]

/// Libraries that only one target may see.
private let soleOwner: [(prefix: String, owner: String)] = [
    ("NIO", "KubeNet"), ("Crypto", "KubeCrypto"), ("_CryptoExtras", "KubeCrypto"), ("X509", "KubeCrypto"),
    ("SwiftASN1", "KubeCrypto"), ("SwiftProtobuf", "KubeNode"), ("CYAML", "KubeWire"), ("CSQLite", "KubeStore"),
    ("CZlib", "KubeNet"),
    ("CNFTables", "KubeOS"), ("CKubeOS", "KubeOS"),
]

private let root: URL = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

private struct SourceFile: Sendable, CustomTestStringConvertible {
    var target: String
    var path: String
    var lines: [Substring]
    var testDescription: String { path }

    /// Names after `import`, with any access level or attribute before it.
    var imports: [String] {
        lines.compactMap { line in
            let words: [Substring] = line.split(separator: " ")
            guard let i = words.firstIndex(of: "import"), i + 1 < words.count, i < 3, !line.hasPrefix("//") else {
                return nil
            }
            return String(words[words.count - 1].split(separator: ".")[0])
        }
    }

    static let all: [SourceFile] = {
        let sources: URL = root.appending(path: "Sources")
        let walk: FileManager.DirectoryEnumerator? = FileManager.default.enumerator(atPath: sources.path)
        var files: [SourceFile] = []
        while let name = walk?.nextObject() as? String {
            guard name.hasSuffix(".swift"), !name.contains("/Generated/"), !name.contains("/Tables/") else { continue }
            guard let text = try? String(contentsOf: sources.appending(path: name), encoding: .utf8) else { continue }
            files.append(
                SourceFile(
                    target: String(name.split(separator: "/")[0]), path: "Sources/" + name,
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
        }
        return files.sorted { $0.path < $1.path }
    }()
}

@Suite struct TidyTests {
    @Test func importsPointDown() {
        #expect(SourceFile.all.count > 50)
        for file in SourceFile.all {
            for name in file.imports {
                if name.hasPrefix("Kube"), let allowed = mayImport[file.target] {
                    #expect(
                        allowed.contains(name) || name == file.target,
                        "\(file.path) imports \(name): move the code to the layer that may (ARCHITECTURE.md)")
                }
                for (prefix, owner) in soleOwner where name.hasPrefix(prefix) && file.target != owner {
                    Issue.record("\(file.path) imports \(name): only \(owner) may; give it a package type there")
                }
            }
        }
    }

    @Test func foundationStaysOut() {
        for file in SourceFile.all {
            #expect(
                !file.imports.contains("Foundation"),
                "\(file.path) imports Foundation (34 MB of ICU): use KubeBase, Glibc or FoundationEssentials")
        }
    }

    @Test func namesAreNouns() {
        let banned: [String] = ["Manager", "Helper", "Util", "Extras", "Misc", "Common"]
        for file in SourceFile.all {
            let name: String = file.path.split(separator: "/").last.map { String($0.dropLast(6)) } ?? ""
            for word in banned {
                #expect(!name.hasSuffix(word), "\(file.path): name the file by the domain's noun, not \(word)")
            }
        }
    }

    /// Sizes may only shrink: `Sizes.txt` lists today's exceptions by path and allowed line count.
    @Test func filesStaySmall() throws {
        let text: String = try String(contentsOf: root.appending(path: "Tests/TidyTests/Sizes.txt"), encoding: .utf8)
        var allowed: [String: Int] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let parts: [Substring] = line.split(separator: " ")
            allowed[String(parts[0])] = Int(parts[1]) ?? 0
        }
        for file in SourceFile.all {
            let limit: Int = allowed[file.path] ?? 500
            #expect(
                file.lines.count <= limit, "\(file.path) has \(file.lines.count) lines, limit \(limit): split it by idea")
        }
        for path in allowed.keys {
            #expect(SourceFile.all.contains { $0.path == path }, "\(path) is gone: take its line out of Sizes.txt")
        }
    }

    @Test func everyTargetSaysItsDuty() throws {
        for target in Set(SourceFile.all.map { $0.target }) where target != "apus" && !target.hasPrefix("C") {
            let url: URL = root.appending(path: "Sources/\(target)/README.md")
            let text: String = try String(contentsOf: url, encoding: .utf8)
            #expect(text.hasPrefix("# \(target)\n"), "Sources/\(target)/README.md must begin with its name")
            #expect(text.count > 80, "Sources/\(target)/README.md must say the target's duty in a sentence")
        }
    }

    /// A folder that its catalogue does not mention is dead; the catalogue is the only list.
    @Test(arguments: [
        "Sources/KubeControllers", "Sources/KubeScheduler/Plugins", "Sources/KubeNode/Volumes", "Sources/KubeCtl/Commands",
    ])
    func cataloguesNameTheirFolders(folder: String) throws {
        let here: URL = root.appending(path: folder)
        let names: [String] = try FileManager.default.contentsOfDirectory(atPath: here.path)
        let catalogue: URL = here.appending(path: "Catalogue.swift")
        let text: String = try String(contentsOf: catalogue, encoding: .utf8)
        for name in names where !name.contains(".") {
            #expect(text.contains(name), "\(folder)/\(name) is missing in \(folder)/Catalogue.swift")
        }
    }
}
