enum StubKubeOS {}
