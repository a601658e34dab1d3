enum StubKubeStore {}
