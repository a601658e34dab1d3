enum StubKubeControllers {}
