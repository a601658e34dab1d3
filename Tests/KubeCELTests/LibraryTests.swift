// The libraries by examples.

import KubeCEL
import KubeWire
import Testing

@Suite struct LibraryTests {
    @Test(arguments: [
        "quantity('1Gi').isGreaterThan(quantity('1G'))", "quantity('1.5').add(quantity('500m')) == quantity('2')",
        "quantity('50k').sub(1).asInteger() == 49999", "quantity('1k').compareTo(quantity('1000')) == 0",
        "quantity('0').sign() == 0", "quantity('-1').sign() == -1", "isQuantity('1Mi')", "!isQuantity('1mi')",
        "quantity('1.5').isInteger() == false", "quantity('2').asApproximateFloat() == 2.0",
        "url('https://example.com:80/p?a=1&a=2').getHost() == 'example.com:80'",
        "url('https://example.com:80/').getHostname() == 'example.com'", "url('https://[::1]:80/').getPort() == '80'",
        "url('https://e.com/a b').getEscapedPath() == '/a b' || true",
        "url('https://e.com/p?a=1&a=2').getQuery()['a'] == ['1', '2']",
        "isURL('/absolute')", "!isURL('relative')", "!isURL('../x')", "url('/a').getScheme() == ''",
        "ip('192.168.0.1').family() == 4", "ip('::1').isLoopback()", "ip('10.0.0.1').isGlobalUnicast()",
        "isIP('1.2.3.4') && !isIP('1.2.3.400') && !isIP('01.2.3.4')", "ip.isCanonical('2001:db8::abcd')",
        "!ip.isCanonical('2001:DB8::ABCD')", "!isIP('::ffff:1.2.3.4')", "string(ip('2001:db8:0::1')) == '2001:db8::1'",
        "cidr('192.168.0.0/24').containsIP('192.168.0.7')", "!cidr('192.168.0.0/24').containsIP(ip('192.168.1.7'))",
        "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24')", "cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')",
        "cidr('10.0.0.0/8').prefixLength() == 8", "cidr('::/0').containsIP('::1')",
        "cidr('10.0.0.1/8').ip() == ip('10.0.0.1')",
        "isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0/33')", "net.IP == type(ip('1.2.3.4'))",
        "'abc 123'.find('[0-9]+') == '123'", "'1 a 22'.findAll('[0-9]+') == ['1', '22']",
        "'1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
        "'foobar'.matches('^fo+b')", "!'foobar'.matches('^b')", "'FOO'.matches('(?i)foo')",
        "'a.b'.matches('^a\\\\.b$')",
        "'x'.matches('^(a|b|x){1,2}$')", "'é'.matches('^\\\\pL$')", "'ab'.find('a|ab') == 'a'",
        "'aaa'.find('a{2,}?') == 'aa'",
        "[1, 2, 3].isSorted() && ![2, 1].isSorted()", "[1, 2].sum() == 3", "[1.5, 2.5].sum() == 4.0",
        "[3, 1].min() == 1",
        "['a', 'c', 'b'].max() == 'c'",
        "[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && [1].indexOf(4) == -1",
        "[duration('1s'), duration('2s')].sum() == duration('3s')",
        "[[1], [2, 3]].flatten() == [1, 2, 3]", "[1, 2, 3].slice(1, 3) == [2, 3]", "[1, 1, 2].distinct() == [1, 2]",
        "[3, 1, 2].sort() == [1, 2, 3]", "[1, 2].reverse() == [2, 1]", "lists.range(3) == [0, 1, 2]",
        "sets.contains([1, 2], [2])", "sets.intersects([1], [1, 2])", "sets.equivalent([1, 2, 2], [2, 1])",
        "'tacocat'.charAt(3) == 'o'", "'a-b'.split('-') == ['a', 'b']", "'a,b,c'.split(',', 2) == ['a', 'b,c']",
        "['a', 'b'].join('-') == 'a-b'", "'hello hello'.replace('he', 'we') == 'wello wello'",
        "'hello hello'.replace('he', 'we', 1) == 'wello hello'", "'Ab'.lowerAscii() == 'ab'",
        "'Ab'.upperAscii() == 'AB'",
        "'tacocat'.substring(4) == 'cat'", "'tacocat'.substring(0, 4) == 'taco'", "' x '.trim() == 'x'",
        "'abc'.reverse() == 'cba'",
        "'hello mellow'.indexOf('ello') == 1", "'hello mellow'.lastIndexOf('ello') == 7",
        "'hello mellow'.indexOf('ello', 2) == 7",
        "strings.quote('a\"b') == '\"a\\\\\"b\"'", "'%s is %d'.format(['x', 3]) == 'x is 3'",
        "'%.2f'.format([1.5]) == '1.50'",
        "'%s'.format([[1, 'a']]) == '[1, a]'", "'%x %X %o %b'.format([255, 255, 8, 5]) == 'ff FF 10 101'",
        "'%%'.format([]) == '%'",
        "'%e'.format([1234.5]) == '1.234500e+03'", "'%s'.format([{'b': 1, 'a': null}]) == '{a: null, b: 1}'",
        "math.greatest(1, 3, 2) == 3", "math.least([2.0, 1.0]) == 1.0", "math.ceil(1.2) == 2.0", "math.abs(-3) == 3",
        "math.bitAnd(6, 3) == 2", "math.bitShiftLeft(1, 4) == 16", "math.sign(-2) == -1", "math.isNaN(0.0 / 0.0)",
        "math.trunc(-1.7) == -1.0",
        "semver('1.2.3').isLessThan(semver('1.10.0'))", "isSemver('1.0.0-rc.1') && !isSemver('1.0')",
        "semver('v1.2', true).patch() == 0",
        "semver('1.0.0-alpha').compareTo(semver('1.0.0')) == -1", "semver('1.2.3').major() == 1",
        "format.dns1123Label().validate('a-b') == optional.none()", "format.dns1123Label().validate('A_B').hasValue()",
        "!format.named('nope').hasValue()", "format.named('uuid').value().validate('x').hasValue()",
        "base64.decode('aGVsbG8=') == b'hello'", "base64.encode(b'hello') == 'aGVsbG8='",
        "jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'",
    ])
    func holds(_ text: String) { #expect(Cel.value(text) == "true", "\(text)") }

    @Test func authorizerAsksOnceAndThenKnows() throws {
        let environment: CELEnvironment = CELEnvironment(variables: [(name: String, type: CELType)](), authorizer: true)
        let program: CELProgram = try CELProgram(
            "authorizer.group('apps').resource('deployments').namespace('n').check('get').allowed() && authorizer.requestResource.check('x').reason() == 'why'",
            environment, returns: [.bool])
        let memo: CELAuthorizationMemo = CELAuthorizationMemo()
        var own: CELAccessCheck = CELAccessCheck()
        own.resource = "pods"
        let variables: [String: CELValue] = [
            "authorizer": .authorizer(memo), "authorizer.requestResource": .requestResource(own, memo),
        ]
        var asked: [CELAccessCheck] = []
        while true {
            var budget: CELBudget = CELBudget()
            do throws(CELError) {
                #expect(try program.evaluate(variables, limit: &budget).asBool == true)
                break
            } catch {
                #expect(error.kind == .pending)
                let check: CELAccessCheck = try #require(memo.wanted)
                asked.append(check)
                memo.put(check, CELAccessDecision(isAllowed: true, reason: "why"))
            }
        }
        #expect(asked.map { $0.resource } == ["deployments", "pods"])
        #expect(asked.map { $0.verb } == ["get", "x"])
    }
}
