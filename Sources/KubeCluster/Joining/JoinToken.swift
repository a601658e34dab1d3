// The bootstrap token that machines join with: a file for people, a Secret for the server (KEP-130).

import KubeAPI
import KubeClient
import KubeCrypto
import KubeModel
import KubeOS
import KubeResources
import KubeWire

/// `ID.SECRET`: 6 and 16 characters of a–z and 0–9.
struct JoinToken: Sendable, Equatable {
    var id: String
    var secret: String

    var text: String { "\(id).\(secret)" }

    static func create() -> JoinToken { JoinToken(id: word(6), secret: word(16)) }

    private static func word(_ length: Int) -> String {
        let letters: [Character] = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        var generator: SystemRandomNumberGenerator = SystemRandomNumberGenerator()
        return String((0..<length).map { _ in letters.randomElement(using: &generator)! })
    }

    init(id: String, secret: String) {
        self.id = id
        self.secret = secret
    }

    init?(_ text: String) {
        let parts: [Substring] = text.split(separator: ".", omittingEmptySubsequences: false)
        func isWord(_ s: Substring) -> Bool { s.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) } }
        guard parts.count == 2, parts[0].utf8.count == 6, parts[1].utf8.count == 16, parts.allSatisfy(isWord) else {
            return nil
        }
        self.init(id: String(parts[0]), secret: String(parts[1]))
    }

    /// Without an end: it is as good as the file is kept. `kubectl -n kube-system delete secret` revokes it.
    var object: JSON {
        [
            "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": ["name": .string("bootstrap-token-" + id), "namespace": "kube-system"],
            "stringData": [
                "token-id": .string(id), "token-secret": .string(secret), "usage-bootstrap-authentication": "true",
                "usage-bootstrap-signing": "true", "auth-extra-groups": .string(BootstrapPolicy.joinGroup),
                "description": "For apus agent --token; written at the server's first start.",
            ],
        ]
    }

    /// At the first start: makes the file and the Secret. A Secret that somebody deleted later stays away.
    static func ensure(_ path: String, _ client: Client) async throws {
        if Files.exists(path), JoinToken(try Files.text(path)) != nil { return }
        let token: JoinToken = .create()
        try await client.create(API.secrets, namespace: "kube-system", token.object)
        try Files.writeAtomically(path, token.text, mode: 0o600)
    }
}
