enum StubKubeCluster {}
