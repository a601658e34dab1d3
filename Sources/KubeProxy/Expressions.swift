// The words of libnftables-json(5) that our rules are made of.

package import KubeWire

/// Names for expressions, so that a rule reads like nft's own language.
package enum NFT {
    package static let saddr: JSON = ["payload": ["protocol": "ip", "field": "saddr"]]
    package static let daddr: JSON = ["payload": ["protocol": "ip", "field": "daddr"]]
    package static let dport: JSON = ["payload": ["protocol": "th", "field": "dport"]]
    package static let protocolNumber: JSON = ["meta": ["key": "l4proto"]]
    package static let mark: JSON = ["meta": ["key": "mark"]]

    package static func concat(_ parts: JSON...) -> JSON { ["concat": .array(parts)] }

    package static func match(_ left: JSON, _ op: String = "==", _ right: JSON) -> JSON {
        ["match": ["op": .string(op), "left": left, "right": right]]
    }
    package static func jump(_ chain: String) -> JSON { ["jump": ["target": .string(chain)]] }
    package static func goto(_ chain: String) -> JSON { ["goto": ["target": .string(chain)]] }
    package static let drop: JSON = ["drop": .null]
    package static let accept: JSON = ["accept": .null]
    package static let `return`: JSON = ["return": .null]
    package static let isTCP: JSON = match(protocolNumber, "==", "tcp")
    /// A TCP client sees `connection refused`; on the loopback route ICMP would not reach it.
    package static let reset: JSON = ["reject": ["type": "tcp reset"]]
    /// ICMP port unreachable.
    package static let reject: JSON = ["reject": ["type": "icmp", "expr": "port-unreachable"]]

    /// Looks `key` up in a verdict map and follows what it finds.
    package static func follow(_ key: JSON, in map: String) -> JSON {
        ["vmap": ["key": key, "data": .string("@" + map)]]
    }

    /// `10.0.0.0/8`, or a single address.
    package static func prefix(_ cidr: String) -> JSON {
        let parts: [Substring] = cidr.split(separator: "/")
        guard parts.count == 2, let length: Int = Int(parts[1]), length < 32 else {
            return .string(String(parts.first ?? ""))
        }
        return ["prefix": ["addr": .string(String(parts[0])), "len": JSON(length)]]
    }

    package static func anonymousSet(_ elements: [JSON]) -> JSON { ["set": .array(elements)] }

    /// `ct state new`: the first packet of a connection.
    package static let isNew: JSON = match(["ct": ["key": "state"]], "in", "new")
    /// Packets of connections that were allowed before.
    package static let isKnown: JSON = match(["ct": ["key": "state"]], "in", ["established", "related"])
    package static let isTranslated: JSON = match(["ct": ["key": "status"]], "in", "dnat")
    package static let isForThisHost: JSON = match(["fib": ["result": "type", "flags": ["daddr"]]], "==", "local")
    package static let isFromThisHost: JSON = match(["fib": ["result": "type", "flags": ["saddr"]]], "==", "local")

    package static func setMark(_ bits: Int) -> JSON {
        ["mangle": ["key": mark, "value": ["|": [mark, JSON(bits)]]]]
    }
    package static func clearMark(_ bits: Int) -> JSON {
        ["mangle": ["key": mark, "value": ["^": [mark, JSON(bits)]]]]
    }
    package static func hasMark(_ bits: Int) -> JSON { match(["&": [mark, JSON(bits)]], "==", JSON(bits)) }
    package static let masquerade: JSON = ["masquerade": ["flags": "fully-random"]]

    /// A number from 0 to `count` - 1, drawn anew for each packet.
    package static func random(_ count: Int) -> JSON {
        ["numgen": ["mode": "random", "mod": JSON(count), "offset": 0]]
    }
}
