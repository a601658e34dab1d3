// Waiting for one object to reach a state: read, then watch, never poll.

import KubeBase
import KubeModel
package import KubeWire

package struct ObjectWatch {
    private let i: Invocation
    private let target: Target

    package init(_ i: Invocation, _ target: Target) {
        self.i = i
        self.target = target
    }

    /// Returns when `isDone` says so for the object (nil: it does not exist); throws `whatFor` after `timeout`.
    package func wait(
        timeout: Duration?, whatFor: String, _ isDone: @escaping @Sendable (JSON?) throws -> Bool
    ) async throws {
        guard let timeout else {
            try await follow(isDone)
            return
        }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            let (i, target): (Invocation, Target) = (self.i, self.target)
            group.addTask {
                try await ObjectWatch(i, target).follow(isDone)
                return true
            }
            group.addTask {
                try await Task.sleep(for: timeout)
                return false
            }
            let isFinished: Bool = try await group.next() ?? false
            group.cancelAll()
            if !isFinished { throw UsageError(whatFor) }
        }
    }

    private func follow(_ isDone: @escaping @Sendable (JSON?) throws -> Bool) async throws {
        let connection: Connection = try i.session.connection()
        let path: String = target.served.path(namespace: target.namespace)
        let selector: (String, String) = ("fieldSelector", "metadata.name=\(target.name)")
        while true {
            let list: JSON = try await connection.get(path, query: [selector])
            if try isDone(list["items"].elements.first.map { target.typed($0) }) { return }
            var isFinished: Bool = false
            let query: [(String, String)] = [
                selector, ("watch", "true"), ("resourceVersion", list.metadata.resourceVersion.text),
            ]
            do {
                try await connection.watch(path, query: query) { event in
                    switch event.type.text {
                    case "ERROR": throw StatusError(status: event.object, code: 500)
                    case "DELETED": isFinished = try isDone(nil)
                    case "BOOKMARK": break
                    default: isFinished = try isDone(event.object)
                    }
                    return !isFinished
                }
            } catch let error as StatusError where error.isExpired {
                continue
            }
            if isFinished { return }
        }
    }
}
