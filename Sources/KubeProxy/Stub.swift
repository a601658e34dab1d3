enum StubKubeProxy {}
