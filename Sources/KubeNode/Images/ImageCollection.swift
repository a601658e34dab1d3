// Image garbage collection: when the disk fills up, images that no pod uses go, the longest unused first.

import KubeBase
import KubeClient
import KubeNet
import KubeOS
import KubeWire
import Logging
import Synchronization

/// An image as the plan sees it.
struct StoredImage: Sendable, Equatable {
    var id: String
    var bytes: Int64
    var firstSeenAt: Timestamp
    var lastUsedAt: Timestamp
    var isUsed: Bool
    var isPinned: Bool
}

enum ImageCollectionPlan {
    /// A new image is left alone: its pod may be on the way.
    static let ageMin: Duration = .seconds(120)

    /// Which images go so that `bytes` come free; all that may when that is nil.
    static func remove(_ images: [StoredImage], freeing bytes: Int64?, now: Timestamp) -> [StoredImage] {
        var left: Int64 = bytes ?? .max
        var out: [StoredImage] = []
        let free: [StoredImage] = images.filter { !$0.isUsed && !$0.isPinned && now - $0.firstSeenAt >= ageMin }
            .sorted { ($0.lastUsedAt, $0.firstSeenAt, $0.id) < ($1.lastUsedAt, $1.firstSeenAt, $1.id) }
        for image in free where left > 0 {
            out.append(image)
            left -= image.bytes
        }
        return out
    }
}

/// When each image was seen first and used last; kept for the agent's life.
final class ImageUse: Sendable {
    private let times: Mutex<[String: (first: Timestamp, last: Timestamp)]> = Mutex([:])

    /// Notes what is there now and answers it for the plan.
    func note(_ images: [CRIImage], used: Set<String>, now: Timestamp) -> [StoredImage] {
        times.withLock { t in
            t = t.filter { entry in images.contains { $0.id == entry.key } }
            return images.map { i in
                let isUsed: Bool = used.contains(i.id)
                let before: (first: Timestamp, last: Timestamp) = t[i.id] ?? (now, Timestamp(seconds: 0))
                t[i.id] = (before.first, isUsed ? now : before.last)
                return StoredImage(
                    id: i.id, bytes: Int64(clamping: i.size), firstSeenAt: before.first, lastUsedAt: t[i.id]!.last,
                    isUsed: isUsed, isPinned: i.pinned)
            }
        }
    }
}

struct ImageCollection: Sendable {
    /// Of the disk that holds the images. Upstream's 85 and 80 suit servers; a developer's disk is often as full as
    /// that, and images that were imported by hand shall stay.
    static let highPercent: Int = 96
    static let lowPercent: Int = 94

    let node: NodeContext

    /// To be called now and then: nothing happens below `highPercent`.
    func run() async {
        guard let s = try? Files.space(node.options.rootDirectory), s.totalBytes > 0 else { return }
        let usedPercent: Int = 100 - Int(s.availableBytes * 100 / s.totalBytes)
        let images: [StoredImage] = await look()
        guard usedPercent >= Self.highPercent else { return }
        let goal: Int64 = s.totalBytes / 100 * Int64(100 - Self.lowPercent) - s.availableBytes
        let freed: Int64 = await remove(images, freeing: goal)
        if freed < goal {
            let about: JSON = [
                "kind": "Node", "apiVersion": "v1", "name": .string(node.options.nodeName),
                "uid": .string(node.options.nodeName),
            ]
            node.events.record(
                about, .warning, reason: "FreeDiskSpaceFailed",
                "Failed to garbage collect required amount of images. Attempted to free \(goal) bytes, but only found "
                    + "\(freed) bytes eligible to free.")
        }
    }

    /// Bytes that came free.
    func collect(all: Bool) async -> Int64 { await remove(await look(), freeing: nil) }

    private func look() async -> [StoredImage] {
        guard let images = try? await node.cri.images(), let containers = try? await node.cri.containers() else {
            return []
        }
        // A container names its image by id or by a reference.
        var used: Set<String> = []
        for c in containers { used.formUnion([c.imageRef, c.image.image]) }
        let usedIDs: Set<String> = Set(
            images.filter { i in
                used.contains(i.id) || !used.isDisjoint(with: i.repoTags) || !used.isDisjoint(with: i.repoDigests)
            }.map { $0.id })
        return node.imageUse.note(images, used: usedIDs, now: node.options.time.now())
    }

    private func remove(_ images: [StoredImage], freeing bytes: Int64?) async -> Int64 {
        var freed: Int64 = 0
        for image in ImageCollectionPlan.remove(images, freeing: bytes, now: node.options.time.now()) {
            do throws(GRPCError) {
                try await node.cri.removeImage(image.id)
                freed += image.bytes
                node.log.info("image \(image.id) removed: \(image.bytes) bytes")
            } catch {
                node.log.warning("image \(image.id) not removed: \(error)")
            }
        }
        return freed
    }
}
