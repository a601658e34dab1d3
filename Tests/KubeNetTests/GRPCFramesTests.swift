// gRPC's framing as values.

import NIOCore
import Testing

@testable import KubeNet

@Suite struct GRPCFramesTests {
    @Test func messagesSurviveSplitsAndLimits() throws {
        var frames: GRPCFrames = GRPCFrames()
        let wire: [UInt8] = [0, 0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9]
        var got: [[UInt8]] = []
        for byte in wire { got += try frames.add(ByteBuffer(bytes: [byte])) }
        #expect(got == [[7, 8], [], [9]])
        #expect(throws: GRPCError.self) { try frames.add(ByteBuffer(bytes: [0, 0x7f, 0, 0, 0])) }
        var other: GRPCFrames = GRPCFrames()
        #expect(throws: GRPCError.self) { try other.add(ByteBuffer(bytes: [1, 0, 0, 0, 0])) }
    }

    @Test func statusesAreDecoded() {
        #expect(GRPCFrames.status("0", nil) == nil)
        #expect(GRPCFrames.status("5", "no%20such%0Athing%") == GRPCError(code: 5, message: "no such\nthing%"))
        #expect(GRPCFrames.status("x", nil)?.code == 2)
        #expect(GRPCFrames.timeout(.milliseconds(1500)) == "1500m")
        #expect(GRPCFrames.timeout(.seconds(400_000)) == "400000S")
        #expect("\(GRPCError(code: 14, message: "gone"))" == "rpc error: code = Unavailable desc = gone")
    }
}
