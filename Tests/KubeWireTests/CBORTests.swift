import KubeWire
import Testing

/// RFC 8949 appendix A, the forms that JSON can say, and inputs that must not be believed.
@Suite struct CBORTests {
    private static func bytes(_ hex: String) -> [UInt8] {
        let digits: [Character] = Array(hex)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...$0 + 1]), radix: 16)! }
    }

    private static let vectors: [(hex: String, value: JSON)] = [
        ("00", 0), ("01", 1), ("0a", 10), ("17", 23), ("1818", 24), ("1864", 100), ("1903e8", 1000),
        ("1a000f4240", 1_000_000), ("1b000000e8d4a51000", 1_000_000_000_000), ("1b7fffffffffffffff", .int(.max)),
        ("20", -1), ("29", -10), ("3863", -100), ("3903e7", -1000), ("3b7fffffffffffffff", .int(.min)),
        ("f90000", 0.0), ("f93c00", 1.0), ("fb3ff199999999999a", 1.1), ("f93e00", 1.5), ("f97bff", 65504.0),
        ("fa47c35000", 100000.0), ("fa7f7fffff", 3.4028234663852886e+38), ("fb7e37e43c8800759c", 1.0e+300),
        ("f90001", 5.960464477539063e-08), ("f90400", 6.103515625e-05), ("f9c400", -4.0), ("fbc010666666666666", -4.1),
        ("f4", false), ("f5", true), ("f6", .null), ("f7", .null),
        ("60", ""), ("6161", "a"), ("6449455446", "IETF"), ("62225c", "\"\\"), ("62c3bc", "ü"), ("63e6b0b4", "水"),
        ("64f0908591", "𐅑"), ("40", ""), ("4161", "a"),
        ("80", []), ("83010203", [1, 2, 3]), ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a0", [:]), ("a26161016162820203", ["a": 1, "b": [2, 3]]), ("826161a161626163", ["a", ["b": "c"]]),
        ("5f42010243030405ff", .null), ("7f657374726561646d696e67ff", "streaming"), ("9fff", []),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]), ("83018202039f0405ff", [1, [2, 3], [4, 5]]),
        ("bf61610161629f0203ffff", ["a": 1, "b": [2, 3]]), ("826161bf61626163ff", ["a", ["b": "c"]]),
        ("d9d9f7a0", [:]), ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("d64401020304", "AQIDBA=="), ("d74401020304", "01020304"),
    ]

    @Test func vectorsOfTheRFC() throws {
        for (hex, value) in Self.vectors where hex != "5f42010243030405ff" {
            #expect(try CBOR.parse(Self.bytes(hex)) == value, "\(hex)")
        }
        #expect(try CBOR.parse(Self.bytes("5f42616243636465ff")) == "abcde")
    }

    @Test func whatIsWrittenReadsBack() throws {
        let object: JSON = [
            "kind": "ConfigMap", "a": ["n": -5, "f": 0.1, "h": 1.5, "s": "x\u{0}y"], "list": [true, .null, 300, 70000],
            "long": .string(String(repeating: "ä", count: 300)),
        ]
        let bytes: [UInt8] = CBOR.encode(object)
        #expect(bytes.starts(with: CBOR.mark))
        #expect(try CBOR.parse(bytes) == object)
    }

    @Test func theFormIsUpstreams() {
        // Strings are byte strings, maps sorted by encoded keys, floats as short as they can be.
        #expect(CBOR.encode(["b": 1, "aa": 2, "a": "x"]) == Self.bytes("d9d9f7a341614178416201426161" + "02"))
        #expect(CBOR.encode(1.5) == Self.bytes("d9d9f7f93e00"))
        #expect(CBOR.encode(5.960464477539063e-08) == Self.bytes("d9d9f7f90001"))
        #expect(CBOR.encode(100000.0) == Self.bytes("d9d9f7fa47c35000"))
        #expect(CBOR.encode(.int(.min)) == Self.bytes("d9d9f73b7fffffffffffffff"))
        var writer: CBORWriter = CBORWriter()
        writer.write(base64: [1, 2])
        #expect(writer.bytes == Self.bytes("d6420102"))
    }

    @Test(arguments: [
        "", "18", "1c", "1bffffffffffffffff", "3bffffffffffffffff", "61", "61ff", "41ff", "81", "9f01", "a1", "a10102",
        "a2616101616102", "c249010000000000000000", "f97e00", "f97c00", "fb7ff0000000000000", "ff", "f8ff", "f0",
        "0001",
        "5b7fffffffffffffff", "9b7fffffffffffffff", "bb7fffffffffffffff", "9a00ffffff", "5f6161ff", "7f5f4161ffff",
    ])
    func whatIsNoJSONIsRefused(_ hex: String) {
        #expect(throws: CBORError.self) { _ = try CBOR.parse(Self.bytes(hex)) }
    }

    @Test func depthAndNumberAreLimited() throws {
        var limits: CBORLimits = CBORLimits()
        let deep: [UInt8] = Array(repeating: 0x81, count: limits.depthMax) + [0]
        _ = try CBOR.parse(deep)
        #expect(throws: CBORError.self) { _ = try CBOR.parse([0x81] + deep) }
        #expect(throws: CBORError.self) { _ = try CBOR.parse(Array(repeating: 0xC1, count: 100_000) + [0]) }
        limits.itemsMax = 4
        _ = try CBOR.parse([0x83, 0, 0, 0], limits: limits)
        #expect(throws: CBORError.self) { _ = try CBOR.parse([0x84, 0, 0, 0, 0], limits: limits) }
        limits.elementsMax = 1
        #expect(throws: CBORError.self) { _ = try CBOR.parse([0x9F, 0, 0, 0xFF], limits: limits) }
    }

    @Test func everyPrefixOfAnItemIsRefused() {
        let bytes: [UInt8] = CBOR.encode(["a": [1, 2.5, "x"], "b": ["c": true]])
        for n in 0..<bytes.count {
            #expect(throws: CBORError.self) { _ = try CBOR.parse(Array(bytes.prefix(n))) }
        }
    }

    @Test func aSequenceIsReadItemByItem() throws {
        #expect(try CBOR.parseSequence([0x01, 0x41, 0x61, 0x80]) == [1, "a", []])
    }
}
