// Signatures whose bodies are being written; this file disappears.

package import KubeBase
package import KubeWire

/// Server-side apply and the bookkeeping of field managers (KEP-555).
package struct ServerSideApply: Sendable {
    /// Without a schema (custom resources that keep unknown fields) lists are atomic and maps granular.
    package init(schema: Schema?, type: String) {}

    /// The live object merged with the applied one, `metadata.managedFields` updated; on conflicts without `force`
    /// throws 409 with a cause per field. `live` null: creates.
    package func apply(
        _ config: JSON, to live: JSON, manager: String, subresource: String, force: Bool, now: Timestamp
    ) throws(StatusError) -> JSON { config }

    /// `new` with the managers of the fields that differ from `old` (null on create) recorded as Update by `manager`.
    package func track(_ new: JSON, from old: JSON, manager: String, subresource: String, now: Timestamp) -> JSON { new }
}

