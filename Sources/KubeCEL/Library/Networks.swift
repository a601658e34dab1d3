// The API server's ip and cidr libraries.

enum CELNetworks {
    private static func address(_ v: CELValue) throws(CELError) -> CELAddress {
        if case .string(let s) = v { return try CELAddress.parse(s) }
        guard case .opaque(let o) = v, let a = o as? CELAddress else { throw .noSuchOverload }
        return a
    }
    private static func prefix(_ v: CELValue) throws(CELError) -> CELPrefix {
        if case .string(let s) = v { return try CELPrefix.parse(s) }
        guard case .opaque(let o) = v, let p = o as? CELPrefix else { throw .noSuchOverload }
        return p
    }

    static func add(to l: inout CELLibrary) {
        l.add("ip", "(string) net.IP", cost: .traverse(0.1)) { (a, _) throws(CELError) in .opaque(try address(a[0])) }
        l.add("isIP", "(string) bool", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .bool((try? CELAddress.parse(try CELStrings.text(a[0]))) != nil)
        }
        l.add("ip.isCanonical", "(string) bool", cost: .traverse(0.2)) { (a, _) throws(CELError) in
            .bool(try address(a[0]).text == CELStrings.text(a[0]))
        }
        l.add("family", "net.IP.() int") { (a, _) throws(CELError) in .int(try address(a[0]).isV6 ? 6 : 4) }
        let tests: [(String, @Sendable (CELAddress) -> Bool)] = [
            ("isUnspecified", { $0.isUnspecified }), ("isLoopback", { $0.isLoopback }),
            ("isLinkLocalMulticast", { $0.isLinkLocalMulticast }), ("isLinkLocalUnicast", { $0.isLinkLocalUnicast }),
            ("isGlobalUnicast", { $0.isGlobalUnicast }),
        ]
        for (name, test) in tests {
            l.add(name, "net.IP.() bool") { (a, _) throws(CELError) in .bool(test(try address(a[0]))) }
        }
        l.add("cidr", "(string) net.CIDR", cost: .traverse(0.1)) { (a, _) throws(CELError) in .opaque(try prefix(a[0]))
        }
        l.add("isCIDR", "(string) bool", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .bool(CELPrefix(try CELStrings.text(a[0])) != nil)
        }
        for (t, parses) in [("net.IP", false), ("string", true)] {
            l.add("containsIP", "net.CIDR.(\(t)) bool", cost: .network(isPrefix: false, parses: parses)) {
                (a, _) throws(CELError) in .bool(try prefix(a[0]).contains(try address(a[1])))
            }
        }
        for (t, parses) in [("net.CIDR", false), ("string", true)] {
            l.add("containsCIDR", "net.CIDR.(\(t)) bool", cost: .network(isPrefix: true, parses: parses)) {
                (a, _) throws(CELError) in .bool(try prefix(a[0]).contains(try prefix(a[1])))
            }
        }
        l.add("ip", "net.CIDR.() net.IP") { (a, _) throws(CELError) in .opaque(try prefix(a[0]).address) }
        l.add("masked", "net.CIDR.() net.CIDR") { (a, _) throws(CELError) in .opaque(try prefix(a[0]).masked) }
        l.add("prefixLength", "net.CIDR.() int") { (a, _) throws(CELError) in .int(Int64(try prefix(a[0]).length)) }
    }
}
