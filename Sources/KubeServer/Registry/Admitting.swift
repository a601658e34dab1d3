// The rounds of admission: all plugins change, perhaps once more, and then all judge.

import KubeModel

extension Registry {
    /// Mutating plugins in their order; a second round when one that asks for reinvocation may have missed a change.
    func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        for plugin in admission { try await plugin.admit(&request) }
        guard request.reinvocation.isWanted else { return }
        request.reinvocation.beginSecondRound()
        for plugin in admission { try await plugin.admit(&request) }
    }

    func judge(_ request: AdmissionRequest) async throws(StatusError) {
        for plugin in admission { try await plugin.validate(request) }
    }
}
