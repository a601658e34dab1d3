// Quantities: parsing, canonical forms, rounding.

import KubeModel
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", "0"), ("1", "1"), ("1000m", "1"), ("0.5", "500m"), ("100m", "100m"), ("1.5", "1500m"), ("1500", "1500"),
        ("1k", "1k"), ("1000", "1k"), ("1024", "1024"), ("1Ki", "1Ki"), ("1024Mi", "1Gi"), ("0.5Gi", "512Mi"),
        ("1.5Gi", "1536Mi"), ("2000000", "2M"), ("1e3", "1e3"), ("12E", "9223372036854775807"), ("1E", "1E"),
        ("5n", "5n"),
        ("0.1n", "1n"), ("-1", "-1"), ("-0.5", "-500m"), ("1Ei", "1Ei"), ("100Ki", "100Ki"), ("0.0001", "100u"),
        (".5", "500m"), ("5.", "5"), ("+1", "1"), ("1.2Ki", "1228800m"), ("1e-3", "1e-3"), ("123456789", "123456789"),
        ("0Mi", "0"), ("1.0", "1"), ("129M", "129M"), ("128974848", "128974848"), ("123Mi", "123Mi"),
        ("0.1Ki", "102400m"),
    ])
    func canonical(_ text: String, _ canonical: String) { #expect(Quantity(text)?.description == canonical) }

    @Test(arguments: ["", "a", "1x", "1.2.3", "1 ", "1mm", "--1", "1e", "1Kib", "."])
    func refuses(_ text: String) { #expect(Quantity(text) == nil) }

    @Test func rounds() {
        #expect(Quantity("100m")?.value == 1)
        #expect(Quantity("1500u")?.milliValue == 2)
        #expect(Quantity("1Gi")?.value == 1 << 30)
        #expect(Quantity("1u")?.roundedUpToMilli.description == "1m")
        #expect((Quantity("1")! + Quantity("500m")!).description == "1500m")
        #expect((Quantity("1Gi")! - Quantity("512Mi")!).description == "512Mi")
        #expect(Quantity("1Ki")! < Quantity("1025")!)
        #expect(Quantity("1000m") == Quantity("1"))
    }
}
