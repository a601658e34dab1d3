// What the kernel refused, in words.

import Glibc

/// A failed system call. `description`: `mkdir /x: Permission denied`.
package struct OSError: Error, Sendable, CustomStringConvertible {
    package var operation: String
    package var path: String
    package var code: Int32

    package init(_ operation: String, path: String = "", code: Int32 = errno) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    package var reason: String { String(cString: strerror(code)) }
    package var description: String { path.isEmpty ? "\(operation): \(reason)" : "\(operation) \(path): \(reason)" }
    package var isNotFound: Bool { code == ENOENT }
}
