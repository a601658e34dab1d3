// Jobs: completions, indexes, failures, suspension; each finished pod counted once.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Testing

@testable import KubeControllers

@Suite struct JobTests {
    private func job(_ image: String, _ spec: JSON) -> JSON {
        var j: JSON = ["apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": "pi"]]
        j.spec = spec
        j.spec.selector.matchLabels.app = "pi"
        j.spec.template = podTemplate("pi", image, restartPolicy: "Never")
        return j
    }
    private func isTrue(_ api: FakeAPI, _ type: String) -> Bool {
        Conditions.find(api.get(API.jobs, "pi")?.status.conditions.elements ?? [], type)?.status.text == "True"
    }

    @Test func runsToCompletion() async throws {
        try await withCluster { api, client in
            try await client.create(
                API.jobs, namespace: "default",
                job("succeeds", ["completions": 7, "parallelism": 3, "backoffLimit": 6]))
            try await api.wait { isTrue(api, "Complete") }
            let status: JSON = api.get(API.jobs, "pi")!.status
            #expect(status.succeeded.asInt == 7)
            #expect(!status.failed.exists)
            #expect(status.completionTime.exists)
            #expect(status.uncountedTerminatedPods.fields.isEmpty)
            #expect(api.list(API.pods).count == 7)
            #expect(api.list(API.pods).allSatisfy { $0.metadata.finalizers.elements.isEmpty })
            #expect(api.writes.filter { $0.hasPrefix("create pods") }.count == 7)
        }
    }

    @Test func indexedJobRunsEachIndex() async throws {
        try await withCluster { api, client in
            try await client.create(
                API.jobs, namespace: "default",
                job("succeeds", ["completions": 5, "parallelism": 2, "backoffLimit": 6, "completionMode": "Indexed"]))
            try await api.wait { isTrue(api, "Complete") }
            #expect(api.get(API.jobs, "pi")!.status.completedIndexes.text == "0-4")
            let pod: JSON = api.list(API.pods)[0]
            #expect(pod.spec.containers[0].env[0].name.text == "JOB_COMPLETION_INDEX")
            #expect(pod.spec.hostname.text.hasPrefix("pi-"))
        }
    }

    @Test func failsAtItsBackoffLimit() async throws {
        try await withCluster { api, client in
            try await client.create(
                API.jobs, namespace: "default", job("fails", ["completions": 1, "parallelism": 1, "backoffLimit": 2]))
            try await api.wait { isTrue(api, "Failed") }
            let status: JSON = api.get(API.jobs, "pi")!.status
            #expect(status.failed.asInt == 3)
            let failed: JSON = Conditions.find(status.conditions.elements, "Failed")!
            #expect(failed.reason.text == "BackoffLimitExceeded")
            #expect(failed.message.text == "Job has reached the specified backoff limit")
        }
    }

    @Test func failurePolicyEndsAtOnce() async throws {
        try await withCluster { api, client in
            try await client.create(
                API.jobs, namespace: "default",
                job(
                    "fails",
                    [
                        "completions": 1, "parallelism": 1, "backoffLimit": 6,
                        "podFailurePolicy": [
                            "rules": [["action": "FailJob", "onExitCodes": ["operator": "In", "values": [3]]]]
                        ],
                    ]))
            try await api.wait { isTrue(api, "Failed") }
            #expect(api.get(API.jobs, "pi")!.status.failed.asInt == 1)
        }
    }

    @Test func suspendedJobHasNoPodsUntilResumed() async throws {
        try await withCluster { api, client in
            try await client.create(
                API.jobs, namespace: "default",
                job("v1", ["completions": 2, "parallelism": 2, "backoffLimit": 6, "suspend": true]))
            try await api.wait { isTrue(api, "Suspended") }
            #expect(api.list(API.pods).isEmpty)
            try await client.patch(API.jobs, namespace: "default", "pi", .merge, ["spec": ["suspend": false]])
            try await api.wait { api.get(API.jobs, "pi")?.status.ready.asInt == 2 }
            try await client.patch(API.jobs, namespace: "default", "pi", .merge, ["spec": ["suspend": true]])
            try await api.wait { api.list(API.pods).isEmpty }
            #expect(!(api.get(API.jobs, "pi")?.status.failed.exists ?? true))
        }
    }

    @Test(arguments: [
        ([0, 1, 2, 3], "0-3"), ([0, 1], "0,1"), ([0, 2, 3, 4, 9], "0,2-4,9"), ([], ""), ([5], "5"),
    ])
    func indexesAreIntervals(indexes: [Int], text: String) {
        #expect(IndexSet(Set(indexes)).text == text)
        #expect(IndexSet(text: text, limit: 10) == IndexSet(Set(indexes)))
    }
}
