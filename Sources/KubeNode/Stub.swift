enum StubKubeNode {}
