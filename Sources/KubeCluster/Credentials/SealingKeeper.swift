// Follows the encryption configuration: new keys are used at once, and what older ones have sealed is written again.

import KubeBase
import KubeOS
import KubeServer
import Logging

struct SealingKeeper: Component {
    let name: String = "encryption"
    let file: String
    let sealer: SecretSealer
    let api: APIServer
    private let log: Logger = .component("encryption")

    init(file: String, sealer: SecretSealer, api: APIServer) {
        self.file = file
        self.sealer = sealer
        self.api = api
    }

    func run() async throws {
        let watch: FileWatch = try FileWatch()
        let folder: String = String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)])
        let leaf: Substring = file[file.index(after: file.lastIndex(of: "/") ?? file.startIndex)...]
        // The store lies in the same folder: what is written there is not asked for.
        try watch.add(folder, contents: false)
        try? watch.add(file)
        await reseal(all: false)
        for await event in watch.events where event.isMoved || event.isCreated || event.isModified {
            guard event.path == file || event.name == leaf else { continue }
            // Another file has taken its place.
            if event.name == leaf { try? watch.add(file) }
            do {
                sealer.replace(try EncryptionConfiguration(yaml: try Files.text(file)).ring())
            } catch {
                log.error("\(file) is not used: \(error)")
                continue
            }
            await reseal(all: true)
        }
    }

    private func reseal(all: Bool) async {
        do {
            let count: Int = try await api.reseal(sealer, all: all)
            if count > 0 { log.info("\(count) objects were encrypted anew") }
        } catch { log.error("encrypting anew: \(error)") }
    }
}
