// What is fed: every parser that bytes of strangers reach, each with what must hold of its answers.

import KubeAPI
import KubeBase
import KubeCEL
@testable import KubeDNS
import KubeModel
@testable import KubeNet
@testable import KubeServer
import KubeWire

/// A property that did not hold; everything else that goes wrong is a crash.
struct Broken: Error, CustomStringConvertible {
    var description: String
}

struct Subject: Sendable {
    var name: String
    /// Inputs to begin with, beside the corpus.
    var seeds: [[UInt8]]
    /// Which files of the corpus are its.
    var endings: [String] = []
    var run: @Sendable ([UInt8]) throws -> Void
}

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
private func seeds(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }

/// An input of two parts: what stands before the first NUL, and what follows.
private func halves(_ bytes: [UInt8]) -> ([UInt8], [UInt8]) {
    guard let cut = bytes.firstIndex(of: 0) else { return (bytes, bytes) }
    return (Array(bytes[..<cut]), Array(bytes[(cut + 1)...]))
}

enum Subjects {
    static let pod: String =
        #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","labels":{"x":"y"},"finalizers":["f"]},"spec":{"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}],"env":[{"name":"A","value":"1"}],"resources":{"limits":{"cpu":"100m","memory":"1Gi"}}}],"tolerations":[{"key":"k"}]}}"#

    static let all: [Subject] = wire + patches + selectors + expressions + network

    // MARK: encodings

    private static let wire: [Subject] = [
        Subject(name: "json", seeds: seeds(pod, "[1,2.5e3,-0,true,null,\"\\u00e9\\ud83d\\ude00\"]"), endings: [".json"]) { b in
            guard let (value, _) = try? JSON.parseReportingDuplicates(
                b, limits: JSONLimits(depthMax: 1000, collectsDuplicates: true))
            else { return }
            let again: [UInt8] = value.encoded()
            guard let second = try? JSON.parse(again) else { throw Broken(description: "what was written does not parse") }
            guard second.encoded() == again else { throw Broken(description: "writing is not stable") }
            _ = value.indented(by: 2)
        },
        Subject(
            name: "yaml", seeds: seeds("a: 1\nb: [x, 'y', \"z\"]\n---\nc: |\n  text\nd: &e {f: g}\nh: *e\n<<: *e\n", pod),
            endings: [".yaml"]
        ) { b in
            guard let documents = try? YAML.parse(text(b)) else { return }
            for document in documents {
                let written: String = YAML.write(document)
                // As JSON: 1e-9999 is written 0 and read as an integer.
                guard let again = try? YAML.parse(written), (again.first ?? .null).encoded() == document.encoded()
                else {
                    throw Broken(description: "YAML that was written is another value: \(written.prefix(200))")
                }
            }
        },
        Subject(name: "cbor", seeds: [CBOR.encode((try? JSON.parse(pod)) ?? .null)]) { b in
            guard let value = try? CBOR.parse(b) else { return }
            let again: [UInt8] = CBOR.encode(value)
            guard let second = try? CBOR.parse(again), CBOR.encode(second) == again else {
                throw Broken(description: "CBOR that was written is another value")
            }
        },
        Subject(name: "protobuf", seeds: [], endings: [".pb"]) { b in
            let codec: ProtobufCodec = ProtobufCodec(schema: BuiltIn.schema)
            guard let object = try? codec.decode(b, as: nil) else { return }
            if let type = BuiltIn.typeName(GroupVersionKind(of: object)) { _ = codec.encode(object, as: type) }
            _ = object.encoded()
        },
        Subject(name: "normalise", seeds: seeds(pod), endings: [".json"]) { b in
            guard let value = try? JSON.parse(b), let type = BuiltIn.typeName(GroupVersionKind(of: value)) else { return }
            guard let (normal, _) = try? BuiltIn.schema.normalise(value, as: type, validation: .warn) else { return }
            let full: JSON = BuiltIn.schema.applyDefaults(normal, as: type)
            guard BuiltIn.schema.applyDefaults(full, as: type) == full else {
                throw Broken(description: "defaults of defaults differ")
            }
            _ = ProtobufCodec(schema: BuiltIn.schema).encode(full, as: type)
        },
        Subject(name: "tar", seeds: [Tar.write([TarEntry(path: "a/b", content: [1, 2, 3])])]) { b in _ = try? Tar.read(b) },
    ]

    // MARK: patches

    private static let base: JSON = (try? JSON.parse(pod)) ?? .null

    private static let patches: [Subject] = [
        Subject(
            name: "jsonpatch",
            seeds: seeds(
                #"[{"op":"add","path":"/metadata/labels/z","value":"1"},{"op":"remove","path":"/spec/containers/0/env/0"},{"op":"move","from":"/metadata/name","path":"/spec/x"},{"op":"test","path":"/spec/containers/0/name","value":"c"},{"op":"copy","from":"/spec","path":"/spec/containers/-"}]"#)
        ) { b in
            guard let patch = try? JSON.parse(b) else { return }
            _ = try? Patch.json(patch, to: base)
        },
        Subject(name: "mergepatch", seeds: seeds(#"{"metadata":{"labels":{"x":null}},"spec":{"containers":[]}}"#)) { b in
            guard let patch = try? JSON.parse(b) else { return }
            let once: JSON = Patch.merge(patch, to: base)
            guard Patch.merge(patch, to: once) == once else { throw Broken(description: "a merge patch twice differs") }
        },
        Subject(
            name: "strategic",
            seeds: seeds(
                #"{"metadata":{"$deleteFromPrimitiveList/finalizers":["f"]},"spec":{"$setElementOrder/containers":[{"name":"d"},{"name":"c"}],"containers":[{"name":"c","$patch":"delete"},{"name":"d","image":"j","ports":[{"containerPort":80,"$patch":"replace"}]}],"$retainKeys":["containers"]}}"#)
        ) { b in
            guard let patch = try? JSON.parse(b) else { return }
            _ = try? Patch.strategicMerge(patch, to: base, schema: BuiltIn.schema, type: "core/v1.Pod")
        },
        Subject(name: "apply", seeds: seeds(pod)) { b in
            guard let config = try? JSON.parse(b), config.asObject != nil else { return }
            let engine: ServerSideApply = ServerSideApply(schema: BuiltIn.schema, type: "core/v1.Pod")
            guard
                let once = try? engine.apply(
                    config, to: base, manager: "m", subresource: "", force: true, now: Timestamp(seconds: 1))
            else { return }
            _ = try? engine.apply(config, to: once, manager: "m", subresource: "", force: false, now: Timestamp(seconds: 2))
        },
        Subject(
            name: "managedfields",
            seeds: seeds(
                #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","managedFields":[{"manager":"m","operation":"Apply","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{}}},"v:\"x\"":{},"i:0":{}}}}]},"spec":{"containers":[{"name":"c"}]}}"#)
        ) { b in
            guard let live = try? JSON.parse(b), live.asObject != nil else { return }
            let engine: ServerSideApply = ServerSideApply(schema: BuiltIn.schema, type: "core/v1.Pod")
            _ = try? engine.apply(
                base, to: live, manager: "m", subresource: "", force: true, now: Timestamp(seconds: 1))
        },
    ]

    // MARK: selectors and numbers

    private static let selectors: [Subject] = [
        Subject(name: "labelselector", seeds: seeds("a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1,m<2")) { b in
            guard let s = try? LabelSelector(parsing: text(b)) else { return }
            _ = s.matches(["a": "b", "l": "5"])
        },
        Subject(name: "fieldselector", seeds: seeds(#"metadata.name=a,spec.nodeName!=b\,c,status.phase==d"#)) { b in
            guard let s = try? FieldSelector(parsing: text(b)) else { return }
            _ = s.matches { $0 }
        },
        Subject(name: "quantity", seeds: seeds("100m", "1.5Gi", "12E", "1e3", "-0.5Ki", "9223372036854775807", "1e-9")) { b in
            guard let q = Quantity(text(b)) else { return }
            guard let again = Quantity("\(q)"), again == q || "\(again)" == "\(q)" else {
                throw Broken(description: "\(q) parses to another quantity")
            }
            _ = q + q
            _ = -q
            _ = q < again
        },
        Subject(name: "duration", seeds: seeds("1h2m3.5s", "300ms", "-1.5h", "+5s", "2562047h47m16.854775807s")) { b in
            _ = GoDuration.parse(text(b))
        },
        Subject(name: "time", seeds: seeds("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456789+02:00")) { b in
            guard let t = Timestamp(rfc3339: text(b)) else { return }
            guard Timestamp(rfc3339: t.rfc3339Nano) == t else { throw Broken(description: "\(t.rfc3339Nano) is another time") }
        },
        Subject(name: "intorstring", seeds: seeds("\"50%\"", "3", "\"x\"")) { b in
            guard let j = try? JSON.parse(b), let v = IntOrString(j) else { return }
            _ = v.scaled(total: 1_000_000, roundsUp: true)
        },
        Subject(
            name: "jsonpath",
            seeds: seeds(
                "{.spec.containers[*].name}", "..name", "$.metadata.labels['x']", ".spec.containers[?(@.name==\"c\")].image",
                "[0:2:1]", "[-1]", "['a','b']", "{range .items[*]}{.metadata.name}{end}")
        ) { b in
            guard let p = JSONPath(relaxed: text(b)) else { return }
            _ = p.values(in: base)
        },
        Subject(name: "urlquery", seeds: seeds("a=1&b=%20x&c=+&labelSelector=a%20in%20(b)&timeout=5s", "watch&limit=-1")) { b in
            let query: KubeServer.Query = KubeServer.Query(raw: text(b))
            _ = try? APIServer.seconds(query)
            _ = try? query.integer("limit")
            for (name, value) in query.pairs {
                let back: String = PercentCoding.decode(Array(PercentCoding.encode(value).utf8))
                guard back == value else { throw Broken(description: "\(name) decodes to something else") }
            }
        },
        Subject(
            name: "path",
            seeds: seeds(
                "/api/v1/namespaces/a/pods/b/log", "/apis/apps/v1/watch/deployments", "/api/v1/namespaces/a/services/https:b:1/proxy//x/../y",
                "/api/v1/namespaces/%2e%2e/pods", "http://host/api?x")
        ) { b in
            let target: (path: String, query: String) = splitTarget(text(b))
            let query: KubeServer.Query = KubeServer.Query(raw: target.query)
            let info: RequestInfo = RequestInfo(HTTPRequest(method: "GET", path: target.path, rawQuery: target.query), query)
            do {
                try PathRules.check(info)
            } catch { return }
            // What passes can't climb out of its folder.
            for name in [info.name, info.namespace] where name.contains("/") || name == ".." {
                throw Broken(description: "the name \(name) passed")
            }
        },
        Subject(name: "auditpolicy", seeds: seeds("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n  resources: [{group: \"\", resources: [\"*\"]}]\n")) { b in
            _ = try? AuditPolicy(text: text(b))
        },
        Subject(name: "accept", seeds: seeds("application/json;as=Table;v=v1;g=meta.k8s.io,application/json;q=0.5, */*")) { b in
            _ = MediaType.list(text(b))
        },
        Subject(name: "continue", seeds: seeds(ContinueToken(start: "default/a", revision: nil).text)) { b in
            _ = try? ContinueToken(text(b))
        },
        Subject(name: "base64", seeds: seeds("aGVsbG8=", "____")) { b in
            if let d = Base64.decode(text(b)) { _ = Base64.encodeURL(d) }
        },
    ]

    // MARK: CEL

    private static let variables: CELEnvironment = CELEnvironment(variables: [("self", .dyn), ("oldSelf", .dyn)])

    private static let expressions: [Subject] = [
        Subject(
            name: "cel",
            seeds: seeds(
                "self.spec.containers.all(c, c.name.matches('^[a-z]+$') && c.image != '')", "has(self.metadata.labels) ? 1 : 2u",
                "self.spec.containers.map(c, c.name).join(',').size() < 10", "[1, 2, 3].exists(x, x > 2) || {'a': 1}['a'] == 1",
                "quantity('1Gi').isGreaterThan(quantity('500Mi'))", "ip('10.0.0.1').family() == 4",
                "duration('1h') + timestamp('2026-01-01T00:00:00Z') > timestamp('2025-01-01T00:00:00Z')",
                "'%s is %d'.format(['a', 1])", "self.metadata.name.split('a', 2)[0].substring(0, 1)", "-9223372036854775808 / -1",
                "9223372036854775807 + 1", "int(1e300)", "b'\\xff' == bytes('a')", "url('https://a/b?c').getHost()",
                "self.spec.containers.transformList(i, c, i)", "semver('1.2.3').major()", "sets.contains([1], [1])")
        ) { b in
            guard let program = try? CELProgram(text(b), variables) else { return }
            var budget: CELBudget = CELBudget(1_000_000)
            _ = try? program.evaluate(["self": CELValue(base), "oldSelf": CELValue(base)], limit: &budget)
        }
    ]

    // MARK: frames

    private static let spdy: [UInt8] = {
        var session: SPDYSession = SPDYSession()
        var bytes: [UInt8] = session.open(stream: 1, headers: ["streamType": "error", "port": "80"])
        bytes += session.ping(2) + session.goAway(lastStream: 1)
        return bytes
    }()

    private static let network: [Subject] = [
        Subject(name: "spdy", seeds: [spdy]) { b in
            var session: SPDYSession = SPDYSession()
            let cut: Int = b.count / 2
            _ = try? session.receive(Array(b[..<cut]))
            _ = try? session.receive(Array(b[cut...]))
        },
        Subject(
            name: "websocket",
            seeds: [
                WebSocketCodec.encode(.binary, [0, 1, 2], mask: [1, 2, 3, 4]), WebSocketCodec.encode(.ping, [], mask: [1, 2, 3, 4]),
                WebSocketCodec.encode(.close, WebSocketCodec.closePayload(1000, "x"), mask: [1, 2, 3, 4]),
            ]
        ) { b in
            var codec: WebSocketCodec = WebSocketCodec(isServer: true)
            let cut: Int = b.count / 3
            _ = try? codec.receive(Array(b[..<cut]))
            _ = try? codec.receive(Array(b[cut...]))
            var client: WebSocketCodec = WebSocketCodec(isServer: false)
            _ = try? client.receive(b)
        },
        Subject(
            name: "http1",
            seeds: seeds(
                "GET /api/v1?x=y HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                "PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabcGET / HTTP/1.0\r\n\r\n")
        ) { b in try RawHTTP.shared.exchange(b) },
        Subject(
            name: "dns",
            seeds: [
                [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 3, 119, 119, 119, 1, 97, 0, 0, 1, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0],
                [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1],
            ]
        ) { b in
            guard let query = try? KubeDNS.Query(parsing: b) else { return }
            _ = Message(.noError).encoded(for: query, overUDP: true)
        },
    ]
}
