// The process's environment as a map.

import Glibc

package enum ProcessEnvironment {
    package static var all: [String: String] {
        var map: [String: String] = [:]
        var entry: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = environ
        while let text = entry?.pointee {
            let pair: [Substring] = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { map[String(pair[0])] = String(pair[1]) }
            entry = entry?.advanced(by: 1)
        }
        return map
    }
}
