// The calls of the Container Runtime Interface v1 that the node agent makes.

import KubeBase
import KubeNet
import SwiftProtobuf

/// Cheap to copy. Errors are gRPC's; `code` 5 is not found.
struct CRI: Sendable {
    let channel: GRPCChannel

    private func call<Q: SwiftProtobuf.Message, R: SwiftProtobuf.Message>(
        _ path: String, _ request: Q, timeout: Duration = .seconds(120)
    ) async throws(GRPCError) -> R {
        do {
            let bytes: [UInt8] = try request.serializedBytes()
            return try R(serializedBytes: try await channel.unary("/runtime.v1.\(path)", bytes, timeout: timeout))
        } catch let error as GRPCError {
            throw error
        } catch {
            throw GRPCError(code: 13, message: "\(path): \(error)")
        }
    }

    func version() async throws(GRPCError) -> CRIVersionResponse {
        try await call("RuntimeService/Version", CRIVersionRequest(), timeout: .seconds(5))
    }
    func status() async throws(GRPCError) -> CRIStatusResponse {
        try await call("RuntimeService/Status", CRIStatusRequest(), timeout: .seconds(10))
    }

    // MARK: Sandboxes

    func runSandbox(_ config: CRIPodSandboxConfig, handler: String) async throws(GRPCError) -> String {
        var q: CRIRunPodSandboxRequest = CRIRunPodSandboxRequest()
        q.config = config
        q.runtimeHandler = handler
        let r: CRIRunPodSandboxResponse = try await call("RuntimeService/RunPodSandbox", q, timeout: .seconds(240))
        return r.podSandboxID
    }
    func stopSandbox(_ id: String) async throws(GRPCError) {
        var q: CRIStopPodSandboxRequest = CRIStopPodSandboxRequest()
        q.podSandboxID = id
        let _: CRIStopPodSandboxResponse = try await call("RuntimeService/StopPodSandbox", q)
    }
    func removeSandbox(_ id: String) async throws(GRPCError) {
        var q: CRIRemovePodSandboxRequest = CRIRemovePodSandboxRequest()
        q.podSandboxID = id
        let _: CRIRemovePodSandboxResponse = try await call("RuntimeService/RemovePodSandbox", q)
    }
    func sandboxStatus(_ id: String) async throws(GRPCError) -> CRIPodSandboxStatus {
        var q: CRIPodSandboxStatusRequest = CRIPodSandboxStatusRequest()
        q.podSandboxID = id
        let r: CRIPodSandboxStatusResponse = try await call("RuntimeService/PodSandboxStatus", q)
        return r.status
    }
    /// All, or those of one pod.
    func sandboxes(podUID: String? = nil) async throws(GRPCError) -> [CRIPodSandbox] {
        var q: CRIListPodSandboxRequest = CRIListPodSandboxRequest()
        if let podUID { q.filter.labelSelector = [Labels.podUID: podUID] }
        let r: CRIListPodSandboxResponse = try await call("RuntimeService/ListPodSandbox", q)
        return r.items
    }

    // MARK: Containers

    func create(
        _ config: CRIContainerConfig, sandbox: String, _ sandboxConfig: CRIPodSandboxConfig
    ) async throws(GRPCError) -> String {
        var q: CRICreateContainerRequest = CRICreateContainerRequest()
        q.podSandboxID = sandbox
        q.config = config
        q.sandboxConfig = sandboxConfig
        let r: CRICreateContainerResponse = try await call("RuntimeService/CreateContainer", q)
        return r.containerID
    }
    func start(_ id: String) async throws(GRPCError) {
        var q: CRIStartContainerRequest = CRIStartContainerRequest()
        q.containerID = id
        let _: CRIStartContainerResponse = try await call("RuntimeService/StartContainer", q)
    }
    func stop(_ id: String, graceSeconds: Int) async throws(GRPCError) {
        var q: CRIStopContainerRequest = CRIStopContainerRequest()
        q.containerID = id
        q.timeout = Int64(graceSeconds)
        let _: CRIStopContainerResponse = try await call(
            "RuntimeService/StopContainer", q, timeout: .seconds(graceSeconds + 120))
    }
    func remove(_ id: String) async throws(GRPCError) {
        var q: CRIRemoveContainerRequest = CRIRemoveContainerRequest()
        q.containerID = id
        let _: CRIRemoveContainerResponse = try await call("RuntimeService/RemoveContainer", q)
    }
    func containers(podUID: String? = nil) async throws(GRPCError) -> [CRIContainer] {
        var q: CRIListContainersRequest = CRIListContainersRequest()
        if let podUID { q.filter.labelSelector = [Labels.podUID: podUID] }
        let r: CRIListContainersResponse = try await call("RuntimeService/ListContainers", q)
        return r.containers
    }
    func containerStatus(_ id: String) async throws(GRPCError) -> CRIContainerStatus {
        var q: CRIContainerStatusRequest = CRIContainerStatusRequest()
        q.containerID = id
        let r: CRIContainerStatusResponse = try await call("RuntimeService/ContainerStatus", q)
        return r.status
    }
    /// `timeout` ends the command in the container; code 4 when it was not over by then.
    func execSync(_ id: String, _ command: [String], timeoutSeconds: Int) async throws(GRPCError) -> CRIExecSyncResponse
    {
        var q: CRIExecSyncRequest = CRIExecSyncRequest()
        q.containerID = id
        q.cmd = command
        q.timeout = Int64(timeoutSeconds)
        return try await call("RuntimeService/ExecSync", q, timeout: .seconds(timeoutSeconds + 10))
    }
    func reopenLog(_ id: String) async throws(GRPCError) {
        var q: CRIReopenContainerLogRequest = CRIReopenContainerLogRequest()
        q.containerID = id
        let _: CRIReopenContainerLogResponse = try await call("RuntimeService/ReopenContainerLog", q)
    }
    func updateResources(_ id: String, _ r: CRILinuxContainerResources) async throws(GRPCError) {
        var q: CRIUpdateContainerResourcesRequest = CRIUpdateContainerResourcesRequest()
        q.containerID = id
        q.linux = r
        let _: CRIUpdateContainerResourcesResponse = try await call("RuntimeService/UpdateContainerResources", q)
    }
    func containerStats() async throws(GRPCError) -> [CRIContainerStats] {
        let r: CRIListContainerStatsResponse = try await call(
            "RuntimeService/ListContainerStats", CRIListContainerStatsRequest())
        return r.stats
    }

    // MARK: Streams: each answers the URL of the runtime's streaming server

    func exec(_ q: CRIExecRequest) async throws(GRPCError) -> String {
        let r: CRIExecResponse = try await call("RuntimeService/Exec", q)
        return r.url
    }
    func attach(_ q: CRIAttachRequest) async throws(GRPCError) -> String {
        let r: CRIAttachResponse = try await call("RuntimeService/Attach", q)
        return r.url
    }
    func portForward(sandbox: String) async throws(GRPCError) -> String {
        var q: CRIPortForwardRequest = CRIPortForwardRequest()
        q.podSandboxID = sandbox
        let r: CRIPortForwardResponse = try await call("RuntimeService/PortForward", q)
        return r.url
    }

    // MARK: Images

    /// nil when it is not there.
    func image(_ name: String) async throws(GRPCError) -> CRIImage? {
        var q: CRIImageStatusRequest = CRIImageStatusRequest()
        q.image.image = name
        let r: CRIImageStatusResponse = try await call("ImageService/ImageStatus", q)
        return r.hasImage ? r.image : nil
    }
    func images() async throws(GRPCError) -> [CRIImage] {
        let r: CRIListImagesResponse = try await call("ImageService/ListImages", CRIListImagesRequest())
        return r.images
    }
    func pull(
        _ name: String, auth: CRIAuthConfig?, _ sandbox: CRIPodSandboxConfig
    ) async throws(GRPCError) -> String {
        var q: CRIPullImageRequest = CRIPullImageRequest()
        q.image.image = name
        if let auth { q.auth = auth }
        q.sandboxConfig = sandbox
        let r: CRIPullImageResponse = try await call("ImageService/PullImage", q, timeout: .seconds(3600))
        return r.imageRef
    }
    func removeImage(_ name: String) async throws(GRPCError) {
        var q: CRIRemoveImageRequest = CRIRemoveImageRequest()
        q.image.image = name
        let _: CRIRemoveImageResponse = try await call("ImageService/RemoveImage", q)
    }
    func imageFileSystem() async throws(GRPCError) -> CRIFilesystemUsage? {
        let r: CRIImageFsInfoResponse = try await call("ImageService/ImageFsInfo", CRIImageFsInfoRequest())
        return r.imageFilesystems.first
    }
}

/// The labels and annotations by which the kubelet finds its sandboxes and containers again.
enum Labels {
    static let podName: String = "io.kubernetes.pod.name"
    static let podNamespace: String = "io.kubernetes.pod.namespace"
    static let podUID: String = "io.kubernetes.pod.uid"
    static let containerName: String = "io.kubernetes.container.name"
    static let restartCount: String = "io.kubernetes.container.restartCount"
    static let terminationPath: String = "io.kubernetes.container.terminationMessagePath"
    static let terminationPolicy: String = "io.kubernetes.container.terminationMessagePolicy"
    /// Ours: the image text of the spec that the container was made from.
    static let image: String = "apus.container.image"
}

extension GRPCError {
    /// As grpc-go prints it: `rpc error: code = NotFound desc = …`.
    var goText: String {
        let names: [String] = [
            "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists",
            "PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented",
            "Internal", "Unavailable", "DataLoss", "Unauthenticated",
        ]
        return "rpc error: code = \(names.indices.contains(code) ? names[code] : "\(code)") desc = \(message)"
    }
    var isNotFound: Bool { code == 5 }
}
