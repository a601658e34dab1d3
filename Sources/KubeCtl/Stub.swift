enum StubKubeCtl {}
