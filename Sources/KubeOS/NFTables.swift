// Packet filter rules through libnftables' JSON (libnftables-json(5)).

import CNFTables
package import KubeWire

package struct NFTablesError: Error, CustomStringConvertible {
    package var message: String
    package var description: String { "nftables: \(message)" }
}

/// Each call acts in the network namespace of the thread that makes it.
package enum NFTables {
    /// Applies `{"nftables": [{"add": {…}}, …]}` as one transaction: all of it or nothing.
    package static func apply(_ commands: JSON) throws(NFTablesError) { _ = try run(commands.encoded()) }

    /// The same with commands that are encoded already.
    package static func apply(encoded commands: [UInt8]) throws(NFTablesError) { _ = try run(commands) }

    /// Applies nft's own language, also one transaction.
    package static func apply(script: String) throws(NFTablesError) { _ = try run(Array(script.utf8)) }

    /// The answer to a listing such as `list ruleset` or `list table inet apus`.
    package static func list(_ what: String) throws(NFTablesError) -> JSON {
        let answer: [UInt8] = try run(Array("list \(what)".utf8))
        do {
            return answer.isEmpty ? .null : try JSON.parse(answer)
        } catch {
            throw NFTablesError(message: "\(error)")
        }
    }

    private static func run(_ buffer: [UInt8]) throws(NFTablesError) -> [UInt8] {
        guard let context = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else { throw NFTablesError(message: "no context") }
        defer { nft_ctx_free(context) }
        nft_ctx_output_set_flags(context, UInt32(NFT_CTX_OUTPUT_JSON))
        nft_ctx_buffer_output(context)
        nft_ctx_buffer_error(context)
        var text: [CChar] = buffer.map { CChar(bitPattern: $0) }
        text.append(0)
        let rc: Int32 = nft_run_cmd_from_buffer(context, text)
        guard rc == 0 else {
            let said: String = nft_ctx_get_error_buffer(context).map { String(cString: $0) } ?? ""
            let first: Substring = said.split(separator: "\n").first ?? "failed (are you root?)"
            throw NFTablesError(message: String(first))
        }
        return nft_ctx_get_output_buffer(context).map { Array(String(cString: $0).utf8) } ?? []
    }
}
