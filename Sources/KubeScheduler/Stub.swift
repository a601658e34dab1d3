enum StubKubeScheduler {}
