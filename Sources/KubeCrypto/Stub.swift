enum StubKubeCrypto {}
