// The way to kubectl's words.

import KubeCtl

extension Apus {
    static func runKubeCtl(_ words: [String], program: String) async -> Int32 {
        await KubeCtl.run(arguments: words, program: program)
    }
}
