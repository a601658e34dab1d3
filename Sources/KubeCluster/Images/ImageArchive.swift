// An image as `docker save` writes it: a tar of one layer, a configuration and a manifest.

import KubeCrypto
import KubeOS
import KubeWire

/// Small images that we make ourselves.
enum ImageArchive {
    /// One layer with one executable, which is the entry point.
    static func make(tag: String, program: [UInt8], at path: String, architecture: String) -> [UInt8] {
        let layer: [UInt8] = TarFile.make([(path, program, 0o755)])
        let configuration: JSON = [
            "architecture": JSON(architecture), "os": "linux",
            "config": ["Entrypoint": .array([JSON("/" + path)])],
            "rootfs": [
                "type": "layers", "diff_ids": .array([JSON("sha256:" + Digest.hex(Digest.sha256(layer)))]),
            ],
            "history": .array([["created_by": "apus"] as JSON]),
        ]
        let encoded: [UInt8] = configuration.encoded()
        let name: String = Digest.hex(Digest.sha256(encoded)) + ".json"
        let entry: JSON = [
            "Config": JSON(name), "RepoTags": .array([JSON(tag)]), "Layers": .array(["layer.tar"]),
        ]
        return TarFile.make([
            (name, encoded, 0o644), ("layer.tar", layer, 0o644),
            ("manifest.json", JSON.array([entry]).encoded(), 0o644),
        ])
    }

    static func pause() -> [UInt8] {
        let text: String = Machine.architecture == "arm64" ? PauseProgram.arm64Base64 : PauseProgram.amd64Base64
        guard let program = Base64.decode(text) else { preconditionFailure("the pause program is damaged") }
        return make(
            tag: ContainerdConfiguration.pauseImage, program: program, at: "pause", architecture: Machine.architecture)
    }
}

/// The POSIX ustar form, files only.
enum TarFile {
    static func make(_ files: [(path: String, bytes: [UInt8], mode: Int)]) -> [UInt8] {
        var out: [UInt8] = []
        for file in files {
            out += header(file.path, file.bytes.count, file.mode)
            out += file.bytes
            out += [UInt8](repeating: 0, count: (512 - file.bytes.count % 512) % 512)
        }
        return out + [UInt8](repeating: 0, count: 1024)
    }

    private static func header(_ path: String, _ size: Int, _ mode: Int) -> [UInt8] {
        var h: [UInt8] = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int) { for (i, b) in text.utf8.enumerated() { h[offset + i] = b } }
        func octal(_ n: Int, _ width: Int) -> String {
            let digits: String = String(n, radix: 8)
            return String(repeating: "0", count: width - digits.utf8.count) + digits
        }
        put(path, at: 0)
        put(octal(mode, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(0, 11), at: 136)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        put("        ", at: 148)
        let sum: Int = h.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6), at: 148)
        h[154] = 0
        h[155] = 32
        return h
    }
}
