// tar for the fixtures: the machine's own tool.

import Glibc

enum Unpack {
    static func tar(_ archive: String, into folder: String) -> Bool {
        var pid: pid_t = 0
        let words: [String] = ["tar", "xzf", archive, "-C", folder]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for a in arguments { free(a) } }
        guard posix_spawnp(&pid, "tar", nil, nil, &arguments, environ) == 0 else { return false }
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        return status == 0
    }
}
