enum StubKubeAPI {}
