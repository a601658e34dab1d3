// Requests whose "not found" is as good as success.

import KubeModel

/// Runs a write to an object that may be gone already.
func ifPresent(_ write: () async throws(StatusError) -> Void) async throws(StatusError) {
    do throws(StatusError) {
        try await write()
    } catch {
        if !error.isNotFound { throw error }
    }
}
