// Apus: Kubernetes as one program.

import Glibc
import KubeCluster

exit(await Apus.run(CommandLine.arguments))
