// A JWS by a shared secret, written without its payload: RFC 7515 appendix F, HS256 of RFC 7518.

import Crypto
import KubeBase

package enum DetachedSignature {
    /// `HEADER..SIGNATURE`; who has the payload and the secret can check it.
    package static func make(_ payload: String, keyID: String, secret: String) -> String {
        let header: String = Base64URL.encode(Array("{\"alg\":\"HS256\",\"kid\":\"\(keyID)\"}".utf8))
        let input: String = "\(header).\(Base64URL.encode(Array(payload.utf8)))"
        let code: HMAC<SHA256>.MAC = HMAC<SHA256>.authenticationCode(
            for: Array(input.utf8), using: SymmetricKey(data: Array(secret.utf8)))
        return "\(header)..\(Base64URL.encode(Array(code)))"
    }
}
