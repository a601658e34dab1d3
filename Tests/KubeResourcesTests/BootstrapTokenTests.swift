// Bootstrap tokens sign what machines without credentials read, and end in time.

import KubeAPI
import KubeModel
@testable import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct BootstrapTokenTests {
    private static func secret(_ change: (inout JSON) -> Void = { _ in }) -> JSON {
        func b(_ text: String) -> JSON { .string(Base64.encode(Array(text.utf8))) }
        var object: JSON = [
            "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": ["name": "bootstrap-token-abcdef", "namespace": "kube-system"],
            "data": [
                "token-id": b("abcdef"), "token-secret": b("0123456789abcdef"), "usage-bootstrap-signing": b("true"),
                "expiration": b("2026-01-01T00:00:00Z"),
            ],
        ]
        change(&object)
        return object
    }

    @Test func factsOfATokenAreRead() throws {
        let token: BootstrapTokens.Token = try #require(BootstrapTokens.Token(Self.secret()))
        #expect(token.id == "abcdef" && token.isForSigning && token.expiry == 1_767_225_600)
        #expect(BootstrapTokens.Token(Self.secret { $0.type = "Opaque" }) == nil)
        #expect(BootstrapTokens.Token(Self.secret { $0.metadata.name = "bootstrap-token-other" }) == nil)
        #expect(BootstrapTokens.Token(Self.secret { $0.data["token-secret"] = .null }) == nil)
    }

    /// The signature is Python's hmac of the same bytes.
    @Test func everySigningTokenSigns() throws {
        let token: BootstrapTokens.Token = try #require(BootstrapTokens.Token(Self.secret()))
        let old: JSON = ["kubeconfig": "hello", "jws-kubeconfig-gone00": "x", "more": "kept"]
        let new: JSON = BootstrapTokens.signed(old, by: [token])
        #expect(
            new == [
                "kubeconfig": "hello", "more": "kept",
                "jws-kubeconfig-abcdef":
                    "eyJhbGciOiJIUzI1NiIsImtpZCI6ImFiY2RlZiJ9..MxsnbCjBaYzcbNIFa06F-wuF9LX26rhMlrL4zA1511s",
            ])
        var silent: BootstrapTokens.Token = token
        silent.isForSigning = false
        #expect(BootstrapTokens.signed(old, by: [silent]) == ["kubeconfig": "hello", "more": "kept"])
        #expect(BootstrapTokens.signed(["more": "kept"], by: [token]) == ["more": "kept"])
    }
}
