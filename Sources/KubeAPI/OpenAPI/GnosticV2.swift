// A Swagger 2.0 document as the protobuf message `openapi.v2.Document` of gnostic, which older kubectl asks for.

import KubeWire

enum GnosticV2 {
    private typealias Writer = ProtobufWriter

    static func document(_ d: JSON) -> [UInt8] {
        var w: Writer = Writer()
        w.string(1, d.swagger.text)
        var info: Writer = Writer()
        info.string(1, d.info.title.text)
        info.string(2, d.info.version.text)
        w.message(2, info.bytes)
        var paths: Writer = Writer()
        for (path, item) in d.paths.fields { paths.message(2, named(path, pathItem(item))) }
        w.message(8, paths.bytes)
        var definitions: Writer = Writer()
        for (name, s) in d.definitions.fields { definitions.message(1, named(name, schema(s))) }
        w.message(9, definitions.bytes)
        return w.bytes
    }

    private static func named(_ name: String, _ value: [UInt8]) -> [UInt8] {
        var w: Writer = Writer()
        w.string(1, name)
        w.message(2, value)
        return w.bytes
    }

    /// gnostic's Any: the value as YAML; JSON is YAML.
    private static func any(_ v: JSON) -> [UInt8] {
        var w: Writer = Writer()
        w.string(2, v.description + "\n")
        return w.bytes
    }

    private static func pathItem(_ item: JSON) -> [UInt8] {
        var w: Writer = Writer()
        for (number, method) in [(2, "get"), (3, "put"), (4, "post"), (5, "delete"), (8, "patch")] {
            if item[method].exists { w.message(number, operation(item[method])) }
        }
        for p in item.parameters.elements { w.message(9, parameterItem(p)) }
        return w.bytes
    }

    private static func operation(_ o: JSON) -> [UInt8] {
        var w: Writer = Writer()
        for t in o.tags.strings { w.string(1, t) }
        w.string(3, o["description"].text)
        w.string(5, o.operationId.text)
        for p in o.produces.strings { w.string(6, p) }
        for c in o.consumes.strings { w.string(7, c) }
        for p in o.parameters.elements { w.message(8, parameterItem(p)) }
        var responses: Writer = Writer()
        for (code, r) in o.responses.fields {
            var response: Writer = Writer()
            response.string(1, r["description"].text)
            if r.schema.exists {
                var item: Writer = Writer()
                item.message(1, schema(r.schema))
                response.message(2, item.bytes)
            }
            var value: Writer = Writer()
            value.message(1, response.bytes)
            responses.message(1, named(code, value.bytes))
        }
        w.message(9, responses.bytes)
        for s in o.schemes.strings { w.string(10, s) }
        extensions(o, 13, &w)
        return w.bytes
    }

    private static func extensions(_ o: JSON, _ number: Int, _ w: inout Writer) {
        for (key, value) in o.fields where key.hasPrefix("x-") { w.message(number, named(key, any(value))) }
    }

    private static func parameterItem(_ p: JSON) -> [UInt8] {
        var body: Writer = Writer()
        if p["in"] == "body" {
            var b: Writer = Writer()
            b.string(2, p.name.text)
            b.string(3, "body")
            b.bool(4, p.required.isTrue)
            b.message(5, schema(p.schema))
            body.message(1, b.bytes)
        } else {
            let isQuery: Bool = p["in"] == "query"
            var s: Writer = Writer()
            if p.required.isTrue { s.bool(1, true) }
            s.string(2, p["in"].text)
            s.string(4, p.name.text)
            s.string(isQuery ? 6 : 5, p.type.text)
            var nonBody: Writer = Writer()
            nonBody.message(isQuery ? 3 : 4, s.bytes)
            body.message(2, nonBody.bytes)
        }
        var item: Writer = Writer()
        item.message(1, body.bytes)
        return item.bytes
    }

    static func schema(_ s: JSON) -> [UInt8] {
        var w: Writer = Writer()
        if let ref = s["$ref"].asString { w.string(1, ref) }
        if let format = s.format.asString { w.string(2, format) }
        if let text = s["description"].asString { w.string(4, text) }
        if s["default"].exists { w.message(5, any(s["default"])) }
        if let n = s.maximum.asDouble { w.double(7, n) }
        if let n = s.minimum.asDouble { w.double(9, n) }
        if let n = s.maxLength.asInt { w.varint(11, UInt64(max(0, n))) }
        if let n = s.minLength.asInt { w.varint(12, UInt64(max(0, n))) }
        if let text = s.pattern.asString { w.string(13, text) }
        if let n = s.maxItems.asInt { w.varint(14, UInt64(max(0, n))) }
        if let n = s.minItems.asInt { w.varint(15, UInt64(max(0, n))) }
        for r in s.required.strings { w.string(19, r) }
        for e in s["enum"].elements { w.message(20, any(e)) }
        if s.additionalProperties.exists {
            var a: Writer = Writer()
            if let b = s.additionalProperties.asBool {
                a.bool(2, b)
            } else {
                a.message(1, schema(s.additionalProperties))
            }
            w.message(21, a.bytes)
        }
        if let type = s.type.asString {
            var t: Writer = Writer()
            t.string(1, type)
            w.message(22, t.bytes)
        }
        if s.items.exists {
            var i: Writer = Writer()
            i.message(1, schema(s.items))
            w.message(23, i.bytes)
        }
        if s.properties.exists {
            var p: Writer = Writer()
            for (name, value) in s.properties.fields { p.message(1, named(name, schema(value))) }
            w.message(25, p.bytes)
        }
        extensions(s, 31, &w)
        return w.bytes
    }
}
