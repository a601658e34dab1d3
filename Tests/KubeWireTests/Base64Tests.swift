// RFC 4648 both ways.

import KubeWire
import Testing

@Suite struct Base64Tests {
    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func bothWays(_ plain: String, _ text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }
    @Test func urlForm() {
        #expect(Base64.encodeURL([0xfb, 0xff]) == "-_8")
        #expect(Base64.decode("-_8") == [0xfb, 0xff])
        #expect(Base64.decode("Zm9v\nYmFy") == Array("foobar".utf8))
    }
    @Test(arguments: ["Z", "Zg=", "Zm9v!", "=Zg="])
    func refuses(_ text: String) { #expect(Base64.decode(text) == nil) }
}
