// One look at a container: exec, httpGet, tcpSocket or grpc.

import KubeBase
import KubeNet
import KubeWire

enum ProbeResult: Sendable, Equatable {
    case success
    /// The message stands after `Liveness probe failed: `.
    case failure(String)
    /// The probe itself could not be made; counts as a failure.
    case error(String)
}

struct ProbeRunner: Sendable {
    let cri: CRI
    let plain: HTTPClient
    /// Certificates of pods are not verified, as in upstream.
    let secure: HTTPClient

    func run(_ probe: JSON, container: JSON, id: String, podIP: String) async -> ProbeResult {
        let seconds: Int = max(1, probe.timeoutSeconds.asInt ?? 1)
        if probe.exec.exists { return await exec(probe.exec.command.strings, id, seconds) }
        if probe.httpGet.exists { return await httpGet(probe.httpGet, container, podIP, seconds) }
        if probe.tcpSocket.exists { return await tcp(probe.tcpSocket, container, podIP, seconds) }
        if probe.grpc.exists { return await grpc(probe.grpc, podIP, seconds) }
        return .error("missing probe handler for \(container.name.text)")
    }

    private func exec(_ command: [String], _ id: String, _ seconds: Int) async -> ProbeResult {
        do throws(GRPCError) {
            let r: CRIExecSyncResponse = try await cri.execSync(id, command, timeoutSeconds: seconds)
            if r.exitCode == 0 { return .success }
            return .failure(String(decoding: (r.stdout + r.stderr).prefix(10 << 10), as: UTF8.self))
        } catch {
            if error.code == 4 {
                return .failure("command timed out: \"\(command.joined(separator: " "))\" timed out after \(seconds)s")
            }
            return .error(error.description)
        }
    }

    private func httpGet(_ action: JSON, _ container: JSON, _ podIP: String, _ seconds: Int) async -> ProbeResult {
        let target: HTTPTarget
        do { target = try HTTPTarget(action, container: container, podIP: podIP) } catch { return .error("\(error)") }
        let client: HTTPClient = target.isTLS ? secure : plain
        let query: String = target.request.rawQuery.isEmpty ? "" : "?\(target.request.rawQuery)"
        let url: String =
            "\(target.isTLS ? "https" : "http")://\(target.request.headers["Host"] ?? "")\(target.request.path)\(query)"
        do {
            let r: HTTPClientResponse = try await client.send(
                target.request, to: target.endpoint, timeout: .seconds(seconds))
            // The body is read so that the server is not cut off.
            _ = try? await r.body.collect(maxBytes: 10 << 10)
            if (200..<400).contains(r.status) { return .success }
            return .failure("HTTP probe failed with statuscode: \(r.status)")
        } catch {
            return .failure("Get \"\(url)\": \(error)")
        }
    }

    private func tcp(_ action: JSON, _ container: JSON, _ podIP: String, _ seconds: Int) async -> ProbeResult {
        do {
            let port: Int = try ContainerPort.resolve(action.port, container: container)
            let host: String = action.host.asString ?? podIP
            do {
                let stream: any ByteStream = try await TCP.connect(
                    to: .tcp(host: host, port: port), timeout: .seconds(seconds))
                await stream.close()
                return .success
            } catch {
                return .failure("\(error)")
            }
        } catch {
            return .error("\(error)")
        }
    }

    /// grpc.health.v1.Health/Check.
    private func grpc(_ action: JSON, _ podIP: String, _ seconds: Int) async -> ProbeResult {
        let port: Int = action.port.asInt ?? 0
        let channel: GRPCChannel = GRPCChannel(endpoint: .tcp(host: podIP, port: port))
        var request: [UInt8] = []
        let service: [UInt8] = Array(action.service.text.utf8)
        if !service.isEmpty, service.count < 128 { request = [0x0a, UInt8(service.count)] + service }
        let result: ProbeResult = await check(channel, request, seconds)
        await channel.shutdown()
        return result
    }

    private func check(_ channel: GRPCChannel, _ request: [UInt8], _ seconds: Int) async -> ProbeResult {
        do throws(GRPCError) {
            let answer: [UInt8] = try await channel.unary(
                "/grpc.health.v1.Health/Check", request, timeout: .seconds(seconds))
            var status: UInt64 = 0
            ProtoFields.each(answer[...]) { number, value, _ in if number == 1 { status = value } }
            if status == 1 { return .success }
            let name: String = status == 2 ? "NOT_SERVING" : status == 3 ? "SERVICE_UNKNOWN" : "UNKNOWN"
            return .failure("service unhealthy (responded with \"\(name)\")")
        } catch {
            switch error.code {
            case 12:
                return .failure(
                    "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): \(error)")
            case 4: return .failure("timeout: health rpc did not complete within \(seconds)s")
            default: return .failure("error: health rpc probe failed: \(error)")
            }
        }
    }
}
