// The language by examples: what is true, and which errors stay errors.

import KubeCEL
import KubeWire
import Testing

@Suite struct LanguageTests {
    @Test(arguments: [
        "1 + 2 * 3 == 7", "7 / 2 == 3", "-7 / 2 == -3", "-7 % 3 == -1", "7u + 1u == 8u", "1.5 + 2.5 == 4.0",
        "0x10 == 16", "-9223372036854775808 < 0", "--1 == 1", "!!true", "1e3 == 1000.0", ".5 == 0.5",
        "'a' + \"b\" == 'ab'", "r'\\n'.size() == 2", "'\\u00e9' == 'é'", "'\\x41\\102' == 'AB'", "b'\\xff'.size() == 1",
        "'''a\n'b'''.size() == 4", "bytes('é').size() == 2", "'é'.size() == 1", "size([1, 2]) == 2",
        "[1, 2] + [3] == [1, 2, 3]", "2 in [1, 2]", "'a' in {'a': 1}", "{'a': {'b': 2}}.a.b == 2", "{'a': 1}['a'] == 1",
        "dyn(1) == 1.0 || false", "dyn(1) == 1.0", "dyn(1u) == 1", "dyn('1') != 1", "dyn(2) > 1.5", "1 < 2u",
        "[1, 2][1] == 2",
        "true ? 1 == 1 : false", "has({'a': 1}.a)", "!has({'a': 1}.b)", "null == null", "dyn(null) == null",
        "type(1) == int", "type([]) == list", "type(type(1)) == type",
        "type(timestamp(0)) == google.protobuf.Timestamp",
        "[1, 2, 3].all(x, x > 0)", "[1, 2, 3].exists(x, x == 2)", "[1, 2, 3].exists_one(x, x > 2)",
        "[1, 2, 3].map(x, x * 2) == [2, 4, 6]", "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]",
        "[1, 2, 3].filter(x, x > 1) == [2, 3]", "{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])",
        "[1, 2].all(i, v, i < v)", "{'a': 1}.exists(k, v, k == 'a' && v == 1)",
        "[1, 2].transformList(i, v, i + v) == [1, 3]", "[1, 2].transformMap(i, v, v * v) == {0: 1, 1: 4}",
        "{'a': 1}.transformMapEntry(k, v, {v: k}) == {1: 'a'}",
        "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v) == {'b': 2}",
        "cel.bind(x, 5, x * x) == 25", "[[1], [2]].all(x, x.all(y, y > 0))", "[3, 1].sortBy(x, x) == [1, 3]",
        "optional.of(1).value() == 1", "!optional.none().hasValue()", "optional.none().orValue(2) == 2",
        "{'a': 1}.?a.value() == 1", "!{'a': 1}.?b.hasValue()", "{'a': {'b': 1}}.?a.?b.orValue(0) == 1",
        "{'a': {'c': 1}}.?b.c.orValue(7) == 7", "[1][?0].value() == 1", "[1][?3].orValue(9) == 9",
        "[?optional.none(), 1] == [1]",
        "{?'a': optional.of(1), ?'b': optional.none()} == {'a': 1}", "optional.of(2).optMap(x, x + 1).value() == 3",
        "optional.ofNonZeroValue('') == optional.none()",
        "optional.of(1).optFlatMap(x, optional.none()) == optional.none()",
        "1 / 0 > 0 || true", "true || 1 / 0 > 0", "!(false && 1 / 0 > 0)", "!(1 / 0 > 0 && false)",
        "[1, 0].exists(x, 1 / x > 0)", "int('42') == 42", "uint(3) == 3u", "double('1.5') == 1.5", "string(1.0) == '1'",
        "string(b'ab') == 'ab'", "int(3.9) == 3", "bool('true')", "string(1e100) == '1e+100'", "string(0.5) == '0.5'",
        "duration('1h') + duration('30m') == duration('90m')", "duration('90m').getHours() == 1",
        "string(duration('90s')) == '90s'",
        "timestamp('2024-02-29T12:30:00Z').getFullYear() == 2024", "timestamp('2024-02-29T12:30:00Z').getMonth() == 1",
        "timestamp('2024-02-29T12:30:00Z').getDayOfYear() == 59",
        "timestamp('2024-02-29T12:30:00Z').getDayOfWeek() == 4",
        "timestamp('2024-02-29T12:30:00Z').getHours('+02:00') == 14",
        "timestamp('2024-01-01T00:00:00Z') - timestamp('2023-12-31T23:00:00Z') == duration('1h')",
        "timestamp('2024-01-01T00:00:00+01:00') < timestamp('2024-01-01T00:00:00Z')",
        "string(timestamp('2024-01-01T00:00:00.5Z')) == '2024-01-01T00:00:00.5Z'",
        "int(timestamp('1970-01-01T00:01:00Z')) == 60",
        "1 + 1 == 2 // a comment", "{'a': [dyn(1), {'b': 'c'}]} == {'a': [dyn(1), {'b': 'c'}]}", "[] == []",
        "{}.size() == 0",
    ])
    func holds(_ text: String) { #expect(Cel.value(text) == "true", "\(text)") }

    @Test(arguments: [
        ("9223372036854775807 + 1", "integer overflow"), ("-9223372036854775808 - 1", "integer overflow"),
        ("9223372036854775807 * 2", "integer overflow"), ("-(-9223372036854775808)", "integer overflow"),
        ("18446744073709551615u + 1u", "unsigned integer overflow"), ("0u - 1u", "unsigned integer overflow"),
        ("1 / 0", "division by zero"), ("1 % 0", "modulus by zero"), ("[1][5]", "index out of bounds: 5"),
        ("{'a': 1}['b']", "no such key: b"), ("{'a': 1}.b", "no such key: b"), ("int(1e30)", "integer overflow"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1h')", "timestamp overflow"),
        ("optional.none().value()", "optional.none() dereference"),
        ("dyn('a') + 1", "no such overload: _+_(string, int)"),
        ("uint(-1)", "unsigned integer overflow"), ("[1, 2].all(x, x / 0 > 1)", "division by zero"),
    ])
    func fails(_ text: String, _ message: String) { #expect(Cel.value(text) == "error: " + message, "\(text)") }

    @Test func readsVariables() {
        let object: JSON = ["spec": ["replicas": 3, "list": [1, "a"]], "metadata": ["name": "x"]]
        #expect(Cel.value("object.spec.replicas <= 3 && object.metadata.name == 'x'", ["object": object]) == "true")
        #expect(Cel.value("object.spec.list[1]", ["object": object]) == "\"a\"")
        #expect(Cel.value("object.spec", ["object": object]) == "{\"replicas\":3,\"list\":[1,\"a\"]}")
        #expect(Cel.value("object.spec.missing == 1", ["object": object]) == "error: no such key: missing")
    }
}
