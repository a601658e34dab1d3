// One request as the registry takes it, from HTTP and from in process alike, and what it answers.

package import KubeModel
package import KubeNet
package import KubeStore
package import KubeWire

package struct RegistryRequest: Sendable {
    package var definition: ResourceDefinition
    /// nil: the object itself.
    package var subresource: SubresourceDefinition?
    package var context: RequestContext
    package var query: Query
    /// The decoded body; null when there was none.
    package var body: JSON = .null
    /// Members that occur twice in the body, by path: a strict decoding error.
    package var duplicates: [String] = []
    package var patchType: PatchType = .merge
    package var subpath: String = ""
    package var http: HTTPRequest?

    package init(
        definition: ResourceDefinition, subresource: SubresourceDefinition?, context: RequestContext, query: Query
    ) {
        self.definition = definition
        self.subresource = subresource
        self.context = context
        self.query = query
    }

    /// What this endpoint never writes, so that nobody owns it by writing here: the strategies' reset fields.
    var resetFields: [[String]] {
        if let subresource { return subresource.name == "status" ? [["spec"]] : [] }
        return definition.subresource("status") == nil ? [] : [["status"]]
    }
}

package enum RegistryAnswer: Sendable {
    /// The stored object itself: its bytes can be spliced.
    case stored(StoredObject, status: Int)
    /// An object that lies nowhere: dry runs, Status, Scale.
    case object(JSON, status: Int)
    case list(ListAnswer)
    case http(HTTPResponse)
}

package struct ListAnswer: Sendable {
    package var objects: ArraySlice<StoredObject>
    package var revision: Revision
    /// Empty: this is the last page.
    package var continuation: String
    package var remaining: Int?

    /// metav1.ListMeta.
    package var meta: JSON {
        var m: JSON = ["resourceVersion": .string(revision.description)]
        if !continuation.isEmpty { m["continue"] = .string(continuation) }
        if let remaining { m.remainingItemCount = JSON(remaining) }
        return m
    }
}
