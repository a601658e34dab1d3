enum StubKubeServer {}
