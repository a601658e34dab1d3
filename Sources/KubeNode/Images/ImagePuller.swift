// Makes the image of a container be there: by its pull policy, with the pod's credentials.

import KubeBase
import KubeNet
import KubeWire
import Synchronization

enum ImageOutcome: Sendable {
    /// `pulled` is nil when the image was there already.
    case ready(imageID: String, pulled: (duration: Duration, bytes: UInt64)?)
    case failed(reason: String, message: String)
}

final class ImagePuller: Sendable {
    private let cri: CRI
    /// One pull of an image at a time: the second one finds it present.
    private let waiters: Mutex<[String: [CheckedContinuation<Void, Never>]]> = Mutex([:])

    init(cri: CRI) { self.cri = cri }

    /// `onPulling` is called when a pull really starts.
    func ensure(
        _ image: String, policy: String, keyring: Keyring, sandbox: CRIPodSandboxConfig, onPulling: @Sendable () -> Void
    ) async -> ImageOutcome {
        guard let name = ImageName(image) else {
            return .failed(
                reason: "InvalidImageName",
                message: "Failed to apply default image tag \"\(image)\": couldn't parse image name \"\(image)\": "
                    + "invalid reference format")
        }
        do {
            let present: CRIImage? = try await cri.image(image)
            if let present, policy != "Always" { return .ready(imageID: Self.reference(present), pulled: nil) }
            if policy == "Never" {
                return .failed(
                    reason: "ErrImageNeverPull",
                    message: "Container image \"\(image)\" is not present with pull policy of Never")
            }
        } catch {
            return .failed(
                reason: "ImageInspectError", message: "Failed to inspect image \"\(image)\": \(error)")
        }
        await enter(image)
        defer { leave(image) }
        if policy != "Always", let present = try? await cri.image(image) {
            return .ready(imageID: Self.reference(present), pulled: nil)
        }
        onPulling()
        return await pull(image, name, keyring, sandbox)
    }

    private func pull(
        _ image: String, _ name: ImageName, _ keyring: Keyring, _ sandbox: CRIPodSandboxConfig
    ) async -> ImageOutcome {
        let started: ContinuousClock.Instant = .now
        let credentials: [CRIAuthConfig?] = keyring.credentials(for: name).map { $0 } + [nil]
        var failure: String = ""
        for auth in credentials {
            do throws(GRPCError) {
                let reference: String = try await cri.pull(image, auth: auth, sandbox)
                let duration: Duration = ContinuousClock.now - started
                let pulled: CRIImage? = try? await cri.image(reference)
                let size: UInt64 = pulled?.size ?? 0
                return .ready(imageID: pulled.map { Self.reference($0) } ?? reference, pulled: (duration, size))
            } catch {
                failure = error.goText
            }
        }
        return .failed(reason: "ErrImagePull", message: failure)
    }

    /// What `containerStatuses[].imageID` shows: a digest when there is one.
    private static func reference(_ image: CRIImage) -> String { image.repoDigests.first ?? image.id }

    private func enter(_ image: String) async {
        await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
            let isFirst: Bool = waiters.withLock {
                if $0[image] == nil {
                    $0[image] = []
                    return true
                }
                $0[image]?.append(c)
                return false
            }
            if isFirst { c.resume() }
        }
    }

    private func leave(_ image: String) {
        let next: CheckedContinuation<Void, Never>? = waiters.withLock {
            if $0[image]?.isEmpty ?? true {
                $0[image] = nil
                return nil
            }
            return $0[image]?.removeFirst()
        }
        next?.resume()
    }
}
