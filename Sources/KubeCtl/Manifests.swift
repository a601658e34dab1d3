// Objects from files, folders and standard input.

import Glibc
import KubeModel
import KubeOS
package import KubeWire

package enum Manifests {
    /// Every object of `-f`; Lists are taken apart.
    package static func read(_ i: Invocation) throws -> [JSON] {
        var out: [JSON] = []
        for path in i.flags.list("filename") {
            if path.hasPrefix("http://") || path.hasPrefix("https://") {
                throw UsageError("\(path): reading manifests from URLs is not supported; fetch the file and give its path")
            }
            if path == "-" {
                out += try parse(i.console.readAll(), source: "STDIN")
            } else {
                let files: [String] = try expand(path, recursive: i.flags.bool("recursive"))
                if files.isEmpty {
                    throw UsageError(
                        "error reading [\(path)]: recognized file extensions are [.json .yaml .yml]")
                }
                for file in files { out += try parse(readFile(file), source: file) }
            }
        }
        if out.isEmpty { throw UsageError("no objects passed to \(i.command.name)") }
        return out
    }

    /// The files of a folder in alphabetical order, or the file itself.
    private static func expand(_ path: String, recursive: Bool) throws -> [String] {
        guard let status = Files.status(path) else { throw UsageError("the path \"\(path)\" does not exist") }
        guard status.isDirectory else { return [path] }
        guard let folder = opendir(path) else { throw UsageError("open \(path): permission denied") }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name: String = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        var files: [String] = []
        for name in names.sorted() {
            let full: String = path.hasSuffix("/") ? path + name : path + "/" + name
            if Files.status(full)?.isDirectory == true {
                if recursive { files += try expand(full, recursive: true) }
            } else if [".json", ".yaml", ".yml"].contains(where: { name.hasSuffix($0) }) {
                files.append(full)
            }
        }
        return files
    }

    package static func parse(_ bytes: [UInt8], source: String) throws -> [JSON] {
        let documents: [JSON]
        if bytes.first(where: { $0 != 32 && $0 != 10 && $0 != 9 && $0 != 13 }) == UInt8(ascii: "{") {
            do { documents = [try JSON.parse(bytes)] } catch {
                throw UsageError("error parsing \(source): \(error)")
            }
        } else {
            do { documents = try YAML.parse(String(decoding: bytes, as: UTF8.self)) } catch {
                throw UsageError("error parsing \(source): \(error)")
            }
        }
        var out: [JSON] = []
        for document in documents where document.exists {
            if document.kind.text.hasSuffix("List"), document["items"].asArray != nil {
                out += document["items"].elements
            } else {
                out.append(document)
            }
        }
        for object in out {
            var missing: [String] = []
            if object.apiVersion.text.isEmpty { missing.append("apiVersion not set") }
            if object.kind.text.isEmpty { missing.append("kind not set") }
            if !missing.isEmpty {
                throw UsageError(
                    "error validating \"\(source)\": error validating data: [\(missing.joined(separator: ", "))]; if you "
                        + "choose to ignore these errors, turn validation off with --validate=false")
            }
        }
        return out
    }

    /// The object's own namespace, which must not contradict `-n`.
    package static func namespace(of object: JSON, _ served: ServedResource, _ i: Invocation) throws -> String {
        guard served.isNamespaced else { return "" }
        let own: String = object.meta.namespace
        let given: String = try i.namespace()
        if !own.isEmpty, i.isNamespaceGiven, own != given {
            throw UsageError(
                "the namespace from the provided object \"\(own)\" does not match the namespace \"\(given)\". You must "
                    + "pass '--namespace=\(own)' to perform this operation.")
        }
        return own.isEmpty ? given : own
    }
}
