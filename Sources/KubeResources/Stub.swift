enum StubKubeResources {}
