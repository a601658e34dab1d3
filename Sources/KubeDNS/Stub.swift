enum StubKubeDNS {}
